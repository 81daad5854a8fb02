"""What people see: tables for the console, charts."""
