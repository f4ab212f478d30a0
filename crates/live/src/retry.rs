//! What is not worth asking again.
//!
//! The SDK tries a call again after every failure to connect, with longer and longer waits between: right for a
//! network that comes back, and half a minute of silence before "connection refused" where nothing listens.

use std::error::Error;
use std::io;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

/// Forbids another try where a host is there and nothing listens on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NothingListens;

impl ClassifyRetry for NothingListens {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let failed = context.output_or_error().and_then(Result::err);
        match failed.and_then(|error| error.as_connector_error()) {
            Some(error) if is_refused(error) => RetryAction::RetryForbidden,
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "nothing listens"
    }
}

/// Whether a refused connection is among the causes.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::Input;
    use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    fn verdict(kind: io::ErrorKind) -> RetryAction {
        let mut context = InterceptorContext::new(Input::doesnt_matter());
        let error = ConnectorError::io(Box::new(io::Error::from(kind)));
        context.set_output_or_error(Err(OrchestratorError::connector(error)));
        NothingListens.classify_retry(&context)
    }

    #[test]
    fn refused_is_final_and_the_rest_is_the_sdks() {
        assert_eq!(verdict(io::ErrorKind::ConnectionRefused), RetryAction::RetryForbidden);
        assert_eq!(verdict(io::ErrorKind::ConnectionReset), RetryAction::NoActionIndicated);
        let fine = InterceptorContext::new(Input::doesnt_matter());
        assert_eq!(NothingListens.classify_retry(&fine), RetryAction::NoActionIndicated);
    }
}
