//! Who a request comes from: an IAM token, a service-account token, or nobody.
//!
//! Nothing is cached: a changed entry, a deleted service account are in force at the next request.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use entryway_access::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, UserInfo};
use jiff::Timestamp;

use crate::api::Api;
use crate::failure::unauthorized;
use crate::token::{Claims, Named};
use crate::{meta, service_accounts};
use entryway_objects::status::Status;

/// Whoever sent no credentials.
pub(crate) fn anonymous() -> UserInfo {
    UserInfo { username: ANONYMOUS.into(), groups: vec![UNAUTHENTICATED.into()], ..UserInfo::default() }
}

/// The caller by the `Authorization` header, which came at `shown`. Without a bearer token it is [`anonymous`].
///
/// # Errors
/// 401 for a token that names nobody, without a word why.
pub(crate) async fn authenticate(api: &Api, headers: &HeaderMap, shown: Timestamp) -> Result<UserInfo, Status> {
    let Some(token) = bearer(headers) else { return Ok(anonymous()) };
    identify(api, token, std::slice::from_ref(&api.config.issuer), shown).await.map(|(user, _)| user).map_err(|why| {
        tracing::debug!(why, "a token was refused");
        unauthorized()
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("Bearer \u{0}");
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Who a token belongs to now, for one of these audiences, and which of them it is good for. It had to be good at
/// `shown`, and may have run out since.
pub(crate) async fn identify(
    api: &Api,
    token: &str,
    audiences: &[String],
    shown: Timestamp,
) -> Result<(UserInfo, Vec<String>), String> {
    let (mut user, good_for) = match api.config.token_key.verify(token) {
        Some(claims) if claims.is_current(shown) => service_account(api, token, claims, audiences).await?,
        Some(_) => return Err("the service-account token has expired or is not valid yet".into()),
        None => (api.config.authority.authenticate(token, shown).await.map_err(|error| error.0)?, audiences.to_vec()),
    };
    if !user.groups.iter().any(|group| group == AUTHENTICATED) {
        user.groups.push(AUTHENTICATED.into());
    }
    Ok((user, good_for))
}

async fn service_account(
    api: &Api,
    token: &str,
    claims: Claims,
    audiences: &[String],
) -> Result<(UserInfo, Vec<String>), String> {
    let (namespace, account, objects, good_for) = match (&claims.bound, &claims.secret_namespace) {
        (Some(bound), _) if claims.iss == api.config.issuer => {
            let good_for: Vec<String> = audiences.iter().filter(|one| claims.aud.contains(one)).cloned().collect();
            if good_for.is_empty() {
                return Err("the service-account token is for another audience".into());
            }
            let objects = [("pods", &bound.pod), ("secrets", &bound.secret)];
            let objects: Vec<(&str, Named)> =
                objects.into_iter().filter_map(|(resource, named)| Some((resource, named.clone()?))).collect();
            (bound.namespace.clone(), bound.serviceaccount.clone(), objects, good_for)
        }
        (None, Some(namespace)) if claims.iss == service_accounts::SECRET_ISSUER => {
            let account = Named {
                name: claims.secret_account.clone().unwrap_or_default(),
                uid: claims.secret_account_uid.clone().unwrap_or_default(),
            };
            let secret = claims.secret_name.clone().unwrap_or_default();
            let held = api.core("secrets").ok_or("no secrets here")?;
            let kept = api.storage.get(&held, Some(namespace), &secret).await.map_err(|status| status.message)?;
            let kept = kept.filter(|secret| !meta::is_deleted(&secret.object)).ok_or("the token's Secret is gone")?;
            // A Secret made again under the name holds another token.
            if service_accounts::token_of(&kept.object).as_deref() != Some(token) {
                return Err("the token is not the one that its Secret holds".into());
            }
            (namespace.clone(), account, Vec::new(), audiences.to_vec())
        }
        _ => return Err("the service-account token is of another issuer".into()),
    };
    let accounts = api.core("serviceaccounts").ok_or("no service accounts here")?;
    exists(api, &accounts, &namespace, &account).await?;
    for (resource, named) in &objects {
        let target = api.core(resource).ok_or("the bound object's type is missing")?;
        exists(api, &target, &namespace, named).await?;
    }
    let mut extra = BTreeMap::new();
    if let Some(id) = &claims.jti {
        extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={id}")]);
    }
    let bound = claims.bound.as_ref();
    for (key, named) in [("pod", bound.and_then(|b| b.pod.as_ref())), ("node", bound.and_then(|b| b.node.as_ref()))] {
        if let Some(named) = named {
            extra.insert(format!("authentication.kubernetes.io/{key}-name"), vec![named.name.clone()]);
            extra.insert(format!("authentication.kubernetes.io/{key}-uid"), vec![named.uid.clone()]);
        }
    }
    let user = UserInfo { uid: account.uid, extra, ..UserInfo::service_account(&namespace, &account.name) };
    Ok((user, good_for))
}

/// The object must be there, be the same one, and not be on its way out.
async fn exists(api: &Api, target: &crate::storage::Target, namespace: &str, named: &Named) -> Result<(), String> {
    let found = api.storage.get(target, Some(namespace), &named.name).await.map_err(|status| status.message)?;
    match found {
        Some(stored) if meta::uid(&stored.object) == named.uid && !meta::is_deleted(&stored.object) => Ok(()),
        _ => Err(format!("the {} `{namespace}/{}` of the token is gone", target.served.singular, named.name)),
    }
}

/// The namespace and name of a service account's username.
pub(crate) fn split_service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = entryway_access::service_account(username)?;
    let valid = entryway_objects::names::dns1123_label(namespace).is_empty()
        && entryway_objects::names::dns1123_subdomain(name).is_empty();
    valid.then_some((namespace, name))
}
