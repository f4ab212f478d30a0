//! By what names browsers may reach what needs no signature. A page of a name that its owner points to this machine
//! (DNS rebinding) would be of one origin with ours, so requests for other names are refused. Addresses are what they
//! are: nobody can point one elsewhere.

use std::net::IpAddr;

use crate::config::PublicHost;

/// The names of a control plane, beside addresses and `localhost`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    /// By the public hosts that it was started with, whatever their ports.
    pub(crate) fn new(public: &[PublicHost]) -> Hosts {
        Hosts(public.iter().map(|host| host.name.clone()).collect())
    }

    /// Checks a `Host` or `:authority`.
    ///
    /// # Errors
    /// What to tell the client.
    pub(crate) fn check(&self, host: &str) -> Result<(), String> {
        let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if is_address || name == "localhost" || self.0.contains(&name) {
            return Ok(());
        }
        let shown: String = name.chars().filter(|c| !c.is_control()).take(253).collect();
        Err(format!(
            "`{shown}` is not a name of this control plane; use an address or `localhost`, or start it with \
             `--public-host` and this name"
        ))
    }
}

/// Without `:PORT`; an IPv6 address stands in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_public_names() {
        let hosts = Hosts::new(&["Entryway.local:80".parse().unwrap(), "10.0.0.5".parse().unwrap()]);
        for host in
            ["127.0.0.1:4780", "[::1]:4780", "[::1]", "192.168.7.7", "localhost", "LOCALHOST.:1", "entryway.local:4780"]
        {
            assert_eq!(hosts.check(host), Ok(()), "{host}");
        }
        for host in ["evil.example", "evil.example:4780", "127.0.0.1.evil.example", "localhost.evil.example", "", ":80"]
        {
            assert!(hosts.check(host).is_err(), "{host}");
        }
        let told = hosts.check("Evil.example:1").unwrap_err();
        assert!(told.starts_with("`evil.example` is not a name") && told.contains("--public-host"), "{told}");
    }
}
