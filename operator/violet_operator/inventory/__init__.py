"""The PackageInventory flow, its files in data-flow order: gather, objects, applications, export, status."""
