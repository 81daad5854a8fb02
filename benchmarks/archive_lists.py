"""Which data sets of the UCR archive benchmarks may tune on, and which they report.

Related data sets (the same subjects, sensors or series) stand on the same side, so that nothing tuned on one list has
seen relatives of the other.
"""

TUNING = [
    "Adiac",
    "ArrowHead",
    "Beef",
    "BeetleFly",
    "BirdChicken",
    "CBF",
    "ChlorineConcentration",
    "CricketX",
    "CricketY",
    "CricketZ",
    "DistalPhalanxOutlineAgeGroup",
    "DistalPhalanxOutlineCorrect",
    "DistalPhalanxTW",
    "ECGFiveDays",
    "FaceAll",
    "FaceFour",
    "FacesUCR",
    "GunPoint",
    "InsectWingbeatSound",
    "ItalyPowerDemand",
    "Lightning2",
    "Lightning7",
    "MedicalImages",
    "MiddlePhalanxOutlineAgeGroup",
    "MiddlePhalanxOutlineCorrect",
    "MiddlePhalanxTW",
    "OliveOil",
    "PhalangesOutlinesCorrect",
    "ProximalPhalanxOutlineAgeGroup",
    "ProximalPhalanxOutlineCorrect",
    "ProximalPhalanxTW",
    "SonyAIBORobotSurface1",
    "SonyAIBORobotSurface2",
    "SwedishLeaf",
    "ToeSegmentation1",
    "ToeSegmentation2",
]
"""For choosing recipes, hyper-parameters and designs. Everything reported as a result is measured on the others."""

SMALL_TUNING = [
    "SonyAIBORobotSurface1",
    "ItalyPowerDemand",
    "SonyAIBORobotSurface2",
    "ECGFiveDays",
    "CBF",
    "GunPoint",
    "FaceFour",
    "ArrowHead",
    "BirdChicken",
    "BeetleFly",
    "ToeSegmentation1",
    "ToeSegmentation2",
    "Beef",
    "OliveOil",
    "Lightning7",
    "FacesUCR",
    "MiddlePhalanxTW",
]
"""The tuning sets of at most 32,000 training values, one of the Phalanx family for all: what two cores can repeat."""

SMALL_REPORTED = [
    "MoteStrain",
    "TwoLeadECG",
    "DiatomSizeReduction",
    "Coffee",
    "ECG200",
    "Symbols",
    "ShapeletSim",
    "Wine",
    "Plane",
    "SyntheticControl",
    "Meat",
    "Trace",
]
"""Sets outside the tuning list on which 2,000 epochs take two cores minutes, not hours."""
