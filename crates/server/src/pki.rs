//! Certificates of the clusters' Kubernetes endpoints.
//!
//! Entryway's own certificate authority is kept in `pki/` of the data folder, with the one that will follow it: clients
//! are given both, so that none loses trust when one takes the other's place. Server certificates are made anew at each
//! start and again while it runs, long before they end; they are never written anywhere. All keys are ECDSA P-256.

mod authority;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::crypto::ring::{default_provider, sign::any_ecdsa_type};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use self::authority::Authorities;
use crate::folder::{self, FolderError};

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An authority on disk is damaged. Deleting it makes a new one; kubeconfigs written before then have to be
    /// written again.
    #[error("{path} is damaged ({problem}); delete it to get a new authority, then run update-kubeconfig again")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Both authorities are at their end: most likely the clock is wrong.
    #[error(
        "this machine's clock says {today}, when both certificate authorities in {folder} are at their end; set the \
         clock, or delete that folder to get new ones, then run update-kubeconfig again"
    )]
    Ended {
        /// The authorities' folder.
        folder: String,
        /// What the clock says.
        today: Date,
    },
    /// Cryptography failed; never retried.
    #[error("a certificate could not be made: {0}")]
    Failed(String),
}

/// How long a server certificate is good for.
const LEAF_DAYS: i64 = 90;
/// At which age it is replaced.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The certificate authorities, and the names that server certificates are for.
pub(crate) struct Pki {
    bundle_pem: String,
    issuer: Issuer<'static, KeyPair>,
    names: Vec<SanType>,
}

impl Pki {
    /// Reads the authorities of a data folder, or makes them, or moves on to the successor. `hosts` are further names
    /// of this machine.
    pub(crate) fn open<'a>(
        data: &Path,
        hosts: impl IntoIterator<Item = &'a str>,
        now: Timestamp,
    ) -> Result<Pki, PkiError> {
        let pki = data.join("pki");
        folder::private_folder(&pki)?;
        let names = names(hosts)?;
        let Authorities { current, next } = Authorities::open(&pki, day(now))?;
        let bundle_pem = format!("{}{}", current.certificate_pem(), next.certificate_pem());
        Ok(Pki { bundle_pem, issuer: current.into_issuer(), names })
    }

    /// What clients trust, PEM: the authority and its successor.
    pub(crate) fn bundle_pem(&self) -> &str {
        &self.bundle_pem
    }

    fn leaf(&self, now: Timestamp) -> Result<CertifiedKey, PkiError> {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.subject_alt_names = self.names.clone();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // A day early: the client's clock may be behind.
        let today = day(now);
        let (from, to) = (ymd(today.saturating_sub(1.day())), ymd(today.saturating_add(LEAF_DAYS.days())));
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signer = any_ecdsa_type(&private).map_err(|error| PkiError::Failed(error.to_string()))?;
        Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
    }

    /// TLS for the endpoints: 1.2 and 1.3, HTTP/2 and 1.1.
    pub(crate) fn tls(self: &Arc<Self>, now: Timestamp) -> Result<Arc<rustls::ServerConfig>, PkiError> {
        let leaf = Leaf { pki: Arc::clone(self), current: ArcSwap::from_pointee((now, Arc::new(self.leaf(now)?))) };
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| PkiError::Failed(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(leaf));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The server certificate in use, and when it was made.
struct Leaf {
    pki: Arc<Pki>,
    current: ArcSwap<(Timestamp, Arc<CertifiedKey>)>,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leaf")
    }
}

impl ResolvesServerCert for Leaf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let now = Timestamp::now();
        if now.duration_since(current.0) > RENEW_AFTER {
            match self.pki.leaf(now) {
                Ok(leaf) => self.current.store(Arc::new((now, Arc::new(leaf)))),
                Err(error) => tracing::error!(%error, "the server certificate could not be renewed"),
            }
            return Some(Arc::clone(&self.current.load().1));
        }
        Some(Arc::clone(&current.1))
    }
}

fn names<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<Vec<SanType>, PkiError> {
    let mut names =
        vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)), SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST))];
    for host in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].into_iter().chain(hosts) {
        let name = match host.parse::<IpAddr>() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(host.try_into().map_err(failed)?),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The day that it is in UTC.
fn day(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

/// The parts that `rcgen` makes a time of.
fn ymd(date: Date) -> (i32, u8, u8) {
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

fn failed(error: rcgen::Error) -> PkiError {
    PkiError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_signed_by_the_authority() {
        let data = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-02-28T00:00:00Z".parse().unwrap();
        let first = Pki::open(data.path(), ["entryway.local", "10.1.2.3"], now).unwrap();
        let again = Arc::new(Pki::open(data.path(), [], now).unwrap());
        assert_eq!(first.bundle_pem(), again.bundle_pem());
        assert_eq!(first.bundle_pem().matches("BEGIN CERTIFICATE").count(), 2);
        assert!(!first.bundle_pem().contains("PRIVATE"));
        assert_eq!(again.leaf(now).unwrap().cert.len(), 1);
        assert_eq!(again.tls(now).unwrap().alpn_protocols.len(), 2);
        assert!(first.names.contains(&SanType::IpAddress("10.1.2.3".parse().unwrap())));
    }

    /// Whoever was given the bundle before a succession trusts the server after it.
    #[test]
    fn trust_outlives_a_succession() {
        let data = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-02-28T00:00:00Z".parse().unwrap();
        let given = Pki::open(data.path(), [], now).unwrap().bundle_pem().to_owned();
        for (later, trusted) in
            [("2033-01-01T00:00:00Z", true), ("2035-01-01T00:00:00Z", true), ("2043-01-01T00:00:00Z", false)]
        {
            let now: Timestamp = later.parse().unwrap();
            let leaf = Pki::open(data.path(), [], now).unwrap().leaf(now).unwrap();
            assert_eq!(trusts(&given, &leaf, now), trusted, "{later}");
        }
    }

    /// Whether a client with these authorities takes the server for `localhost`.
    fn trusts(bundle: &str, leaf: &CertifiedKey, now: Timestamp) -> bool {
        use rustls::client::{WebPkiServerVerifier, danger::ServerCertVerifier};
        use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let now = UnixTime::since_unix_epoch(now.duration_since(Timestamp::UNIX_EPOCH).unsigned_abs());
        verifier.verify_server_cert(&leaf.cert[0], &[], &name, &[], now).is_ok()
    }
}
