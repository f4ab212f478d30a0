//! Certificates of the clusters' Kubernetes endpoints.
//!
//! Entryway's own certificate authority is made once and kept in `pki/` of the data folder, for kubeconfigs hold it.
//! Server certificates are made anew at each start and again while it runs, long before they end; they are never
//! written anywhere. All keys are ECDSA P-256.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::ring::{default_provider, sign::any_ecdsa_type};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::folder::{self, FolderError};

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The authority's key on disk is damaged. Deleting both files makes a new authority; kubeconfigs written before
    /// then have to be written again.
    #[error(
        "{path} is damaged ({problem}); delete the folder `pki` to get a new authority, then run update-kubeconfig again"
    )]
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Cryptography failed; never retried.
    #[error("a certificate could not be made: {0}")]
    Failed(String),
}

/// How long a server certificate is good for.
const LEAF_DAYS: i64 = 90;
/// At which age it is replaced.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The certificate authority, and the names that its server certificates are for.
pub(crate) struct Pki {
    ca_pem: String,
    next_pem: String,
    issuer: Issuer<'static, KeyPair>,
    names: Vec<SanType>,
}

impl Pki {
    /// Reads the authority of a data folder, or makes it. `hosts` are further names of this machine.
    pub(crate) fn open<'a>(data: &Path, hosts: impl IntoIterator<Item = &'a str>) -> Result<Pki, PkiError> {
        let pki = data.join("pki");
        folder::private_folder(&pki)?;
        let names = names(hosts)?;
        let (ca_pem, key) = authority(&pki, "ca")?;
        let (next_pem, _) = authority(&pki, "next")?;
        Ok(Pki { ca_pem, next_pem, issuer: Issuer::new(ca_params(), key), names })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// What clients inside the clusters trust (`kube-root-ca.crt`): the authority and the one that will follow it, so
    /// that it can be replaced without anybody losing trust.
    pub(crate) fn bundle_pem(&self) -> String {
        format!("{}{}", self.ca_pem, self.next_pem)
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
        let today = TimeZone::UTC.to_datetime(now).date();
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

/// Reads the certificate and key of an authority, or makes them.
fn authority(pki: &Path, name: &str) -> Result<(String, KeyPair), PkiError> {
    let (cert_path, key_path) = (pki.join(format!("{name}.crt")), pki.join(format!("{name}.key")));
    if let (Some(pem), Some(key_pem)) = (folder::read(&cert_path)?, folder::read(&key_path)?) {
        let key = KeyPair::from_pem(&key_pem)
            .map_err(|error| PkiError::Broken { path: key_path.display().to_string(), problem: error.to_string() })?;
        if !pem.starts_with("-----BEGIN CERTIFICATE-----") {
            let problem = "it holds no certificate".to_owned();
            return Err(PkiError::Broken { path: cert_path.display().to_string(), problem });
        }
        return Ok((pem, key));
    }
    if cert_path.exists() {
        let key = key_path.display();
        tracing::warn!("{key} is missing, so there is a new authority now: run update-kubeconfig again");
    }
    let key = KeyPair::generate().map_err(failed)?;
    let pem = ca_params().self_signed(&key).map_err(failed)?.pem();
    folder::write(&key_path, key.serialize_pem().as_bytes())?;
    folder::write(&cert_path, pem.as_bytes())?;
    Ok((pem, key))
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

/// INVARIANT (stable authority): nothing here changes once released, for the issuer of later certificates is built
/// from it and has to be the one that the kept certificate names.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Entryway local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    params
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
    fn the_authority_stays_and_leaves_are_signed_by_it() {
        let data = tempfile::tempdir().unwrap();
        let first = Pki::open(data.path(), ["entryway.local", "10.1.2.3"]).unwrap();
        let again = Arc::new(Pki::open(data.path(), []).unwrap());
        assert_eq!(first.ca_pem(), again.ca_pem());
        assert_eq!(first.bundle_pem(), again.bundle_pem());
        assert_eq!(first.bundle_pem().matches("BEGIN CERTIFICATE").count(), 2);
        assert!(first.bundle_pem().starts_with(first.ca_pem()) && first.bundle_pem() != first.ca_pem().repeat(2));
        let now: Timestamp = "2026-02-28T00:00:00Z".parse().unwrap();
        assert_eq!(again.leaf(now).unwrap().cert.len(), 1);
        assert_eq!(again.tls(now).unwrap().alpn_protocols.len(), 2);
        assert!(first.names.contains(&SanType::IpAddress("10.1.2.3".parse().unwrap())));
        std::fs::write(data.path().join("pki/ca.key"), "nonsense").unwrap();
        assert!(matches!(Pki::open(data.path(), []), Err(PkiError::Broken { .. })));
    }
}
