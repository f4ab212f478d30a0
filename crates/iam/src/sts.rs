//! STS as seen from outside: its endpoints in each partition, and what `GetCallerIdentity` answers.
//!
//! The call itself is the server's; here is only what may be asked and how the answer reads.

use entryway_access::{Caller, CallerError, Partition, Region};
use serde::Deserialize;

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
    #[error("the answer of STS is not a GetCallerIdentity response")]
    Malformed,
    /// A good answer that names nobody who could have an entry.
    #[error(transparent)]
    Caller(#[from] CallerError),
}

/// The domains of STS's endpoints in a partition.
struct Domains {
    plain: &'static str,
    dual_stack: Option<&'static str>,
}

fn domains(partition: Partition) -> Domains {
    let (plain, dual_stack) = match partition {
        Partition::Aws | Partition::AwsUsGov => ("amazonaws.com", Some("api.aws")),
        Partition::AwsCn => ("amazonaws.com.cn", Some("api.amazonwebservices.com.cn")),
        Partition::AwsIso => ("c2s.ic.gov", None),
        Partition::AwsIsoB => ("sc2s.sgov.gov", None),
        Partition::AwsIsoE => ("cloud.adc-e.uk", None),
        Partition::AwsIsoF => ("csp.hci.ic.gov", None),
        Partition::AwsEusc => ("amazonaws.eu", Some("api.amazonwebservices.eu")),
    };
    Domains { plain, dual_stack }
}

/// The endpoint without a region, in partition `aws` alone.
const GLOBAL_HOST: &str = "sts.amazonaws.com";

/// Whether a host name is an STS endpoint of this partition: `sts.REGION.DOMAIN` with a region of the partition, its
/// FIPS form (`sts-fips.…`; in GovCloud the plain name is the FIPS one) or its dual-stack form, or the global
/// `sts.amazonaws.com` in partition `aws`. Exact in its letters but for the region's, and without a port.
pub fn is_endpoint(host: &str, partition: Partition) -> bool {
    if host == GLOBAL_HOST {
        return partition == Partition::Aws;
    }
    let Some((service, rest)) = host.split_once('.') else { return false };
    let Some((region, domain)) = rest.split_once('.') else { return false };
    let domains = domains(partition);
    let dual_stack = domains.dual_stack == Some(domain);
    let known_service = match service {
        "sts" => true,
        "sts-fips" => dual_stack || partition != Partition::AwsUsGov,
        _ => false,
    };
    // Names have no case in DNS: a region in capitals is no way into another partition.
    let region = region.to_ascii_lowercase().parse::<Region>();
    known_service
        && (dual_stack || domains.plain == domain)
        && region.is_ok_and(|region| Partition::of_region(&region) == partition)
}

/// The regional endpoint's host name.
pub fn endpoint_host(region: &Region) -> String {
    format!("sts.{region}.{}", domains(Partition::of_region(region)).plain)
}

/// Reads the answer to a `GetCallerIdentity` that was asked with `accept: application/json`. `access_key_id` is the
/// token's. Only a 200 makes a caller.
pub fn parse_answer(status: u16, body: &[u8], access_key_id: &str) -> Result<Caller, StsError> {
    if body.len() > MAX_ANSWER_BYTES {
        return Err(StsError::TooLong);
    }
    if status != 200 {
        let throttled = body.windows(b"Throttling".len()).any(|part| part == b"Throttling");
        return Err(if throttled { StsError::Throttled } else { StsError::Refused { status } });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| StsError::Malformed)?;
    let Identity { account, arn, user_id } = answer.response.result;
    Ok(Caller::from_sts(&account, &arn, &user_id, access_key_id)?)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "GetCallerIdentityResponse")]
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "GetCallerIdentityResult")]
    result: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    account: String,
    arn: String,
    user_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_each_partition_and_no_other() {
        let of = |host: &str| -> Vec<&'static str> {
            Partition::ALL.into_iter().filter(|p| is_endpoint(host, *p)).map(Partition::as_str).collect()
        };
        for (host, partitions) in [
            ("sts.amazonaws.com", &["aws"][..]),
            ("sts.us-east-1.amazonaws.com", &["aws"]),
            ("sts.US-EAST-1.amazonaws.com", &["aws"]),
            ("sts-fips.us-east-1.amazonaws.com", &["aws"]),
            ("sts.eu-west-1.api.aws", &["aws"]),
            ("sts-fips.eu-west-1.api.aws", &["aws"]),
            ("sts.us-gov-west-1.amazonaws.com", &["aws-us-gov"]),
            ("sts.US-GOV-west-1.amazonaws.com", &["aws-us-gov"]),
            ("sts-fips.us-gov-west-1.amazonaws.com", &[]),
            ("sts-fips.us-gov-west-1.api.aws", &["aws-us-gov"]),
            ("sts.cn-north-1.amazonaws.com.cn", &["aws-cn"]),
            ("sts.cn-north-1.api.amazonwebservices.com.cn", &["aws-cn"]),
            ("sts.cn-north-1.amazonaws.com", &[]),
            ("sts.amazonaws.com.cn", &[]),
            ("sts.us-iso-east-1.c2s.ic.gov", &["aws-iso"]),
            ("sts.us-isob-east-1.sc2s.sgov.gov", &["aws-iso-b"]),
            ("sts.eu-isoe-west-1.cloud.adc-e.uk", &["aws-iso-e"]),
            ("sts.us-isof-south-1.csp.hci.ic.gov", &["aws-iso-f"]),
            ("sts.eusc-de-east-1.amazonaws.eu", &["aws-eusc"]),
            ("sts.us-east-1.amazonaws.com.evil.example", &[]),
            ("sts.us-east-1.evil.amazonaws.com", &[]),
            ("sts.-bad.amazonaws.com", &[]),
            ("sts..amazonaws.com", &[]),
            ("STS.us-east-1.amazonaws.com", &[]),
            ("sts.us-east-1.amazonaws.com.", &[]),
            ("sts.us-east-1.amazonaws.com:443", &[]),
            ("iam.us-east-1.amazonaws.com", &[]),
            ("amazonaws.com", &[]),
            ("sts", &[]),
            ("", &[]),
        ] {
            assert_eq!(of(host), partitions, "{host}");
        }
        for region in ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"] {
            let region: Region = region.parse().unwrap();
            assert!(is_endpoint(&endpoint_host(&region), Partition::of_region(&region)));
        }
    }

    fn answer(arn: &str, user_id: &str) -> String {
        serde_json::json!({"GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {"Account": "111122223333", "Arn": arn, "UserId": user_id},
            "ResponseMetadata": {"RequestId": "1"},
        }})
        .to_string()
    }

    #[test]
    fn a_session_answers_with_its_role() {
        let body = answer("arn:aws:sts::111122223333:assumed-role/Dev/jo", "AROAEXAMPLE:jo");
        let caller = parse_answer(200, body.as_bytes(), "ASIAEXAMPLE").unwrap();
        assert_eq!(caller.principal.as_str(), "arn:aws:iam::111122223333:role/Dev");
        assert_eq!((caller.session_name.as_str(), caller.access_key_id.as_str()), ("jo", "ASIAEXAMPLE"));
    }

    #[test]
    fn other_answers_are_refused() {
        let good = answer("arn:aws:iam::111122223333:user/jo", "AIDAEXAMPLE");
        assert_eq!(parse_answer(403, good.as_bytes(), ""), Err(StsError::Refused { status: 403 }));
        assert_eq!(parse_answer(201, good.as_bytes(), ""), Err(StsError::Refused { status: 201 }));
        assert_eq!(parse_answer(400, b"{\"Error\":{\"Code\":\"Throttling\"}}", ""), Err(StsError::Throttled));
        assert_eq!(parse_answer(200, &vec![b' '; MAX_ANSWER_BYTES + 1], ""), Err(StsError::TooLong));
        for body in ["", "{}", "<xml/>", "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{}}}"] {
            assert_eq!(parse_answer(200, body.as_bytes(), ""), Err(StsError::Malformed), "{body}");
        }
        let group = answer("arn:aws:iam::111122223333:group/g", "AGPA");
        assert!(matches!(parse_answer(200, group.as_bytes(), ""), Err(StsError::Caller(_))));
    }
}
