//! STS as seen from outside: its endpoints in each partition, and what `GetCallerIdentity` answers.
//!
//! The call itself is the server's; here is only what may be asked and how the answer reads.

use entryway_access::{Caller, CallerError, Partition, Region};

/// The longest answer of STS that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Why an answer of STS makes no caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsError {
    /// STS asks to slow down: worth a retry later; a webhook answers 429.
    #[error("STS is throttling requests")]
    Throttled,
    /// STS refused the request (a wrong signature, an expired session, …).
    #[error("STS answered with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// An answer over [`MAX_ANSWER_BYTES`].
    #[error("the answer of STS is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// A 200 whose body is not a `GetCallerIdentity` answer.
    #[error("the answer of STS is not a GetCallerIdentity response: {0}")]
    Malformed(&'static str),
    /// A good answer that names nobody who could have an entry.
    #[error(transparent)]
    Caller(#[from] CallerError),
}

/// The domains that STS has in a partition: the plain one and the dual-stack one.
pub fn domains(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Aws | Partition::AwsUsGov => ("amazonaws.com", "api.aws"),
        Partition::AwsCn => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        Partition::AwsIso => ("c2s.ic.gov", "api.aws.ic.gov"),
        Partition::AwsIsoB => ("sc2s.sgov.gov", "api.aws.scloud"),
        Partition::AwsIsoE => ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        Partition::AwsIsoF => ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        Partition::AwsEusc => ("amazonaws.eu", "api.amazonwebservices.eu"),
    }
}

/// The region of an STS endpoint's host name in this partition: `sts.REGION.DOMAIN`, its FIPS form
/// (`sts-fips.REGION.DOMAIN`) or dual-stack form; `sts.amazonaws.com` (partition `aws` alone) is `us-east-1`.
/// `None` for any other host. Exact in its letters, and no port.
pub fn endpoint_region(host: &str, partition: Partition) -> Option<Region> {
    let _ = (host, partition);
    todo!()
}

/// The regional endpoint's host name.
pub fn endpoint_host(region: &Region) -> String {
    format!("sts.{region}.{}", domains(Partition::of_region(region)).0)
}

/// Reads the answer to a `GetCallerIdentity` that was asked with `accept: application/json`.
pub fn parse_answer(status: u16, body: &[u8], access_key_id: &str) -> Result<Caller, StsError> {
    let _ = (status, body, access_key_id);
    todo!()
}
