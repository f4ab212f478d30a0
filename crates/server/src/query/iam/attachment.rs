//! Managed policies on roles and users.

use entryway_directory::Page;

use super::super::xml::Xml;
use super::super::{QueryError, Success, page};
use super::Call;
use super::named::Named;

pub(super) async fn attach<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let arn = call.parameters().required("PolicyArn")?;
    call.authorized::<H>(&name, |context| {
        context.set("iam:PolicyARN", arn);
    })
    .await?;
    call.account().attach::<H>(&name, arn).await?;
    Ok(Success::done())
}

pub(super) async fn detach<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let arn = call.parameters().required("PolicyArn")?;
    call.authorized::<H>(&name, |context| {
        context.set("iam:PolicyARN", arn);
    })
    .await?;
    call.account().detach::<H>(&name, arn).await?;
    Ok(Success::done())
}

pub(super) async fn list<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let prefix = call.path_prefix()?;
    let holder: H = call.authorized(&call.name::<H>()?, |_| {}).await?;
    let asked = page::requested(call.parameters(), call.action)?;
    let attached = holder.grants().attached.iter().filter(|arn| path_of(arn).starts_with(prefix)).cloned();
    let page = Page::of(attached, String::clone, &asked);
    let mut xml = Xml::result();
    xml.list("AttachedPolicies", &page.items, |member, arn| {
        member.leaf("PolicyName", arn.rsplit('/').next().unwrap_or_default()).leaf("PolicyArn", arn);
    });
    page::write(&mut xml, &page, call.action);
    Ok(Success::of(xml))
}

/// `/team/` of `arn:aws:iam::111122223333:policy/team/NAME`.
fn path_of(arn: &str) -> &str {
    let start = arn.find('/').unwrap_or(arn.len());
    let end = arn.rfind('/').map_or(arn.len(), |end| end + 1);
    arn.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_policies() {
        assert_eq!(path_of("arn:aws:iam::aws:policy/AdministratorAccess"), "/");
        assert_eq!(path_of("arn:aws:iam::111122223333:policy/team/x/P"), "/team/x/");
        assert_eq!(path_of(""), "");
    }
}
