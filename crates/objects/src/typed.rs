//! The canonical JSON of a type: what is left when Kubernetes reads an object into its Go structs and writes it again.
