//! What a control plane is started with: plain values. The command line parses them.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use entryway_access::{AccountId, ClusterName, Region};

use crate::audit::Retention;

/// How to run a control plane on this machine.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The data folder: store, certificates, the first administrator's keys. Made where it is missing.
    pub data: PathBuf,
    /// Where the AWS-style API listens. Port 0 takes any free port, and so do then new clusters.
    pub listen: SocketAddr,
    /// The region of the clusters named here; clusters of other regions come by the API.
    pub region: Region,
    /// The account that the local identities live in.
    pub account: AccountId,
    /// Clusters that have to exist: made (mode API_AND_CONFIG_MAP) where they do not.
    pub clusters: Vec<ClusterName>,
    /// Further names this machine is reached by, for certificates, endpoints and tokens.
    pub public_hosts: Vec<PublicHost>,
    /// Ports for clusters' Kubernetes endpoints: a new cluster takes the first free one, and keeps it.
    pub cluster_ports: RangeInclusive<u16>,
    /// Whether to listen on other addresses than loopback, in plain HTTP.
    pub allow_remote: bool,
    /// How long audit records are kept; 90 days or 1 GB by [`Retention::default`].
    pub audit: Retention,
}

impl ServerConfig {
    /// The ports that new clusters take where nothing else is said.
    pub const CLUSTER_PORTS: RangeInclusive<u16> = 6443..=7442;
}

/// A name (or address) this control plane is reached by from elsewhere: `NAME` or `NAME:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHost {
    /// A DNS name or IP address, without brackets.
    pub name: String,
    /// The port that the API is published at; the one it listens on where absent.
    pub port: Option<u16>,
}

/// Why a text is no public host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name or address with an optional port, such as `entryway.local` or `10.0.0.5:4780`")]
pub struct PublicHostError(String);

impl std::str::FromStr for PublicHost {
    type Err = PublicHostError;

    fn from_str(text: &str) -> Result<Self, PublicHostError> {
        let refused = || PublicHostError(text.to_owned());
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
            return Ok(PublicHost { name: ip.to_string(), port: None });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(PublicHost { name: address.ip().to_string(), port: Some(address.port()) });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| refused())?)),
            None => (text, None),
        };
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if name.len() <= 253 && name.split('.').all(label) && port != Some(0) {
            Ok(PublicHost { name: name.to_ascii_lowercase(), port })
        } else {
            Err(refused())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_hosts_are_names_or_addresses() {
        for (text, name, port) in [
            ("entryway.local", "entryway.local", None),
            ("Build-Host:4780", "build-host", Some(4780)),
            ("10.0.0.5:80", "10.0.0.5", Some(80)),
            ("[fd00::1]:81", "fd00::1", Some(81)),
            ("fd00::2", "fd00::2", None),
        ] {
            assert_eq!(text.parse::<PublicHost>(), Ok(PublicHost { name: name.into(), port }), "{text}");
        }
        for text in ["", "http://x", "a b", "-x", "x:0", "x:99999", "x:", "x..y", "[x]"] {
            assert!(text.parse::<PublicHost>().is_err(), "{text}");
        }
    }
}
