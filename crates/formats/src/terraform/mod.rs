//! Terraform: the JSON of plans and states, and the language itself. Both become the same resources, whose
//! values are nodes of the tree, some of which are not known.

mod body;
mod clusters;
mod definitions;
mod evaluate;
pub(crate) mod folder;
mod for_expression;
mod functions;
mod instances;
pub(crate) mod json;
mod json_syntax;
mod module_call;
mod module_output;
mod names;
mod objects;
mod operators;
mod references;
mod resource;
pub(crate) mod source;
mod text;
mod text_functions;
mod traversal;
mod type_defaults;
mod value;
mod variables;
mod write;

pub(crate) use write::{write_module, write_resources};

/// The types of resources that are about access.
const TYPES: [&str; 8] = [
    "aws_eks_access_entry",
    "aws_eks_access_policy_association",
    "aws_eks_cluster",
    "kubernetes_config_map",
    "kubernetes_config_map_v1",
    "kubernetes_config_map_v1_data",
    "kubernetes_manifest",
    "kubectl_manifest",
];
