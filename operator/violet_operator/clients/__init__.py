"""The only package that speaks to the network: object storage, image registries, Kubernetes."""
