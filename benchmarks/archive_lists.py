"""Which data sets of the UCR archive benchmarks may tune on, and which they report.

Most related data sets (the same subjects, sensors or series) stand on the same side. Exceptions, by
`results/relatives_ucr.csv` and `headstart.zoo.overlap`: BeetleFly and BirdChicken are tuned on, all their series are in
ShapesAll; Adiac and the Phalanx family are tuned on, DiatomSizeReduction and HandOutlines have the same origin.
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

REPORTED = [
    "Coffee",
    "ECG200",
    "Wine",
    "Plane",
    "SyntheticControl",
    "Meat",
    "Trace",
    "Herring",
    "Car",
    "Ham",
    "TwoLeadECG",
    "ShapeletSim",
    "MoteStrain",
    "DiatomSizeReduction",
    "Fish",
    "OSULeaf",
    "Strawberry",
    "WormsTwoClass",
    "Worms",
    "Earthquakes",
    "WordSynonyms",
    "FiftyWords",
    "Computers",
    "Symbols",
    "Haptics",
    "RefrigerationDevices",
    "LargeKitchenAppliances",
    "SmallKitchenAppliances",
    "ScreenType",
    "ShapesAll",
    "TwoPatterns",
    "ECG5000",
    "InlineSkate",
    "ElectricDevices",
    "Phoneme",
    "FordB",
    "CinCECGTorso",
    "Mallat",
    "FordA",
    "NonInvasiveFetalECGThorax1",
    "NonInvasiveFetalECGThorax2",
    "HandOutlines",
]
"""All sets outside the tuning list of which the archive at hand has a test part, those of few values first."""

FEW_REPORTED = [
    name
    for name in REPORTED
    if name not in ("WordSynonyms", "FiftyWords", "ShapesAll", "InlineSkate", "Phoneme", "HandOutlines")
    and not name.startswith("NonInvasive")
]
"""Those of them on which networks can be trained on few cases a class in a minute or two: not too many classes, nor too
long."""

WHOLE_REPORTED = [
    *SMALL_REPORTED,
    "Herring",
    "Car",
    "Ham",
    "Mallat",
    "CinCECGTorso",
    "WordSynonyms",
]
"""Those of at most 400 training series with at most 75,000 values together, on which networks can be trained in
minutes."""

COMPLETE = TUNING + REPORTED
"""All of which the archive at hand has a test part."""

TRAINING_CASES_2015 = {
    "DistalPhalanxOutlineAgeGroup": 139,
    "DistalPhalanxOutlineCorrect": 276,
    "DistalPhalanxTW": 139,
    "Earthquakes": 139,
    "FordA": 1320,
    "FordB": 810,
    "HandOutlines": 370,
    "MiddlePhalanxOutlineAgeGroup": 154,
    "MiddlePhalanxOutlineCorrect": 291,
    "MiddlePhalanxTW": 154,
    "ProximalPhalanxTW": 205,
    "Strawberry": 370,
    "Worms": 77,
    "WormsTwoClass": 77,
}
"""Of the data sets that were split anew in 2018; not checked against files of 2015, which are not at hand."""

RELEASED_SIZES = {
    "StarLightCurves": (1000, 8236, 1024),
    "UWaveGestureLibraryAll": (896, 3582, 945),
    "UWaveGestureLibraryX": (896, 3582, 315),
    "UWaveGestureLibraryY": (896, 3582, 315),
    "UWaveGestureLibraryZ": (896, 3582, 315),
    "Wafer": (1000, 6164, 152),
    "Yoga": (300, 3000, 426),
}
"""Training cases, test cases and time steps in the release of 2018, of data sets that an archive folder may lack, in
whole or in their test part."""
