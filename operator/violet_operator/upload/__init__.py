"""The PackageUpload flow, its files in data-flow order: gate, fetch, decide, plan, push, publish, status."""
