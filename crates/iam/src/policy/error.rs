//! Why a policy document is malformed, in IAM's words.

/// A refused policy document. `Display` is the message of IAM's `MalformedPolicyDocument`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PolicyError {
    /// An identity policy that is no JSON, or whose elements are not those of a policy.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// A trust policy that is no JSON.
    #[error("This policy contains invalid Json")]
    InvalidJson,
    #[error("Policy document must be version 2012-10-17 or greater.")]
    Version,
    #[error("Policy statement must contain actions.")]
    NoActions,
    #[error("Policy statement must contain resources.")]
    NoResources,
    #[error("Policy document should not specify a principal.")]
    Principal,
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    SidNotUnique,
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )]
    SidForm,
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    #[error("Actions/Condition can contain only one colon.")]
    Colons,
    #[error("Vendor {0} is not valid")]
    Vendor(String),
    #[error("Resource {0} must be in ARN format or \"*\".")]
    ResourceForm(String),
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    ResourceVendor,
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    ResourcePartition { partition: String, resource: String },
    #[error("Invalid Condition type : {0}.")]
    ConditionType(String),
    /// A value that the operator can't compare with: no date for a date operator, and so on.
    #[error("Invalid value {value} for condition type {operator}.")]
    ConditionValue { operator: String, value: String },
    #[error("Missing required field {0}")]
    MissingField(&'static str),
    #[error("Has prohibited field {0}")]
    ProhibitedField(String),
    #[error("Unknown field {0}")]
    UnknownField(String),
    #[error("AssumeRole policy may only specify STS AssumeRole actions.")]
    NotAssumeRole,
    #[error("Invalid principal in policy: {0}")]
    InvalidPrincipal(String),
}
