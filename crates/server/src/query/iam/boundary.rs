//! Permissions boundaries of roles and users.

use super::super::{QueryError, Success};
use super::Call;
use super::named::Named;

pub(super) async fn put<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    let arn = call.parameters().required("PermissionsBoundary")?;
    call.authorized::<H>(&name, |context| {
        context.set("iam:PermissionsBoundary", arn);
    })
    .await?;
    call.account().set_boundary::<H>(&name, Some(arn)).await?;
    Ok(Success::done())
}

pub(super) async fn delete<H: Named>(call: &Call<'_>) -> Result<Success, QueryError> {
    let name = call.name::<H>()?;
    call.authorized::<H>(&name, |_| {}).await?;
    call.account().set_boundary::<H>(&name, None).await?;
    Ok(Success::done())
}
