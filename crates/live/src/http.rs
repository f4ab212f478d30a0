//! The HTTP client under the AWS SDK: hyper and rustls with ring (no second TLS stack, no C compiler), the proxies
//! of the environment, and `AWS_CA_BUNDLE`.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::LiveError;

/// The client for all services of this process.
pub(crate) fn client(ca_bundle: Option<&str>) -> Result<SharedHttpClient, LiveError> {
    let tls = tls_context(ca_bundle)?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    }))
}

fn tls_context(ca_bundle: Option<&str>) -> Result<TlsContext, LiveError> {
    let mut store = TrustStore::default();
    if let Some(path) = ca_bundle.filter(|path| !path.is_empty()) {
        let pem = std::fs::read(path).map_err(|error| {
            LiveError::Setting(format!("`AWS_CA_BUNDLE` names `{path}`, which can't be read: {error}"))
        })?;
        store = store.with_pem_certificate(pem);
    }
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|error| LiveError::Setting(format!("the TLS settings can't be used: {error}")))
}
