//! One set of AWS credentials in one region, found by AWS's own conventions.

use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use aws_smithy_types::retry::RetryConfig;
use aws_types::service_config::ServiceConfigKey;
use entryway_access::{Partition, Region};
use entryway_iam::{Credentials, SecretKey};
use serde::Serialize;

use crate::error::{from_sdk, innermost};
use crate::retry::NothingListens;
use crate::signed::Senders;
use crate::{LiveError, http};

/// What the command line may say beside the environment and `~/.aws`.
#[derive(Debug, Clone, Default)]
pub struct AwsOptions {
    /// `--profile`: wins over keys in the environment, as with the AWS CLI.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`: EKS's, and STS's too unless it is a host of AWS.
    pub endpoint_url: Option<String>,
}

/// Who the credentials belong to, as `GetCallerIdentity` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// The ARN, for a role that of the session.
    pub arn: String,
    /// The unique id, for a role with the session's name.
    pub user_id: String,
}

/// EKS and STS with one set of credentials, which are looked up once.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    credentials: SdkCredentials,
    region: Region,
    eks: aws_sdk_eks::Client,
    sts: aws_sdk_sts::Client,
    eks_endpoint: String,
    sts_endpoint: String,
    iam_endpoint: Option<String>,
    /// As `--endpoint-url` gave it, for other regions.
    endpoint_url: Option<String>,
    is_aws: bool,
    /// For calls that no SDK crate makes.
    pub(crate) senders: Senders,
}

/// How often a call is tried: a fleet's reads meet throttling, and standard retries (with backoff and jitter) get
/// through it. `AWS_MAX_ATTEMPTS` and the profile's `max_attempts` win.
const ATTEMPTS: u32 = 8;
/// What the SDK takes where nobody says anything.
const SDK_ATTEMPTS: u32 = 3;

impl Aws {
    /// Finds region, endpoints and credentials: flags, then the environment, then the profile, then what the
    /// machine has (container, instance role).
    pub async fn load(options: &AwsOptions) -> Result<Aws, LiveError> {
        let ca_bundle = std::env::var("AWS_CA_BUNDLE").ok();
        let http_client = http::client(ca_bundle.as_deref())?;
        let region = region(options).await?;
        let sdk_region = aws_config::Region::new(region.as_str().to_owned());

        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client.clone())
            .region(sdk_region.clone())
            .no_credentials();
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        let config = loader.load().await;

        let provider = ProviderConfig::without_region().with_region(Some(sdk_region)).with_http_client(http_client);
        let credentials = credentials(options.profile.as_deref(), &provider).await?;
        Ok(Aws::new(config, credentials, region, options.endpoint_url.as_deref()))
    }

    /// With a long-term key at an endpoint, whatever the environment says of others. `options` names region and
    /// endpoint.
    pub async fn at(options: &AwsOptions, access_key_id: &str, secret: &str) -> Result<Aws, LiveError> {
        let region = region(options).await?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http::client(None)?)
            .region(aws_config::Region::new(region.as_str().to_owned()))
            .sleep_impl(TokioSleep::new())
            .build();
        let credentials = SdkCredentials::new(access_key_id, secret, None, None, "given");
        Ok(Aws::new(config, credentials, region, options.endpoint_url.as_deref()))
    }

    fn new(config: SdkConfig, credentials: SdkCredentials, region: Region, endpoint_url: Option<&str>) -> Aws {
        let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let said = std::env::var_os("AWS_MAX_ATTEMPTS").is_some() || retries.max_attempts() != SDK_ATTEMPTS;
        let retries = if said { retries } else { retries.with_max_attempts(ATTEMPTS) };
        let config = config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .retry_config(retries)
            .build();
        let explicit_eks = endpoint_url.map(str::to_owned).or_else(|| service_endpoint(&config, "EKS"));
        let explicit_sts = endpoint_url
            .filter(|url| !is_aws_host(url))
            .map(str::to_owned)
            .or_else(|| service_endpoint(&config, "STS"));

        let mut eks = aws_sdk_eks::config::Builder::from(&config);
        let mut sts = aws_sdk_sts::config::Builder::from(&config);
        eks.set_endpoint_url(explicit_eks.clone());
        eks.push_retry_classifier(SharedRetryClassifier::new(NothingListens));
        sts.set_endpoint_url(explicit_sts.clone());
        sts.push_retry_classifier(SharedRetryClassifier::new(NothingListens));

        let domain = Partition::of_region(&region);
        let fips = config.use_fips().unwrap_or(false);
        let dual_stack = config.use_dual_stack().unwrap_or(false);
        Aws {
            eks: aws_sdk_eks::Client::from_conf(eks.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            is_aws: explicit_eks.as_deref().is_none_or(is_aws_host),
            eks_endpoint: explicit_eks.unwrap_or_else(|| format!("eks.{region}")),
            senders: Senders::default(),
            iam_endpoint: service_endpoint(&config, "IAM").filter(|_| endpoint_url.is_none()),
            endpoint_url: endpoint_url.map(str::to_owned),
            sts_endpoint: explicit_sts.unwrap_or_else(|| sts_endpoint(domain, &region, fips, dual_stack)),
            config,
            credentials,
            region,
        }
    }

    /// The same place with the temporary credentials of a role. `session` names the session.
    pub async fn assume_role(&self, role_arn: &str, session: &str) -> Result<Aws, LiveError> {
        let answer = self
            .sts
            .assume_role()
            .role_arn(role_arn)
            .role_session_name(session)
            .send()
            .await
            .map_err(|e| from_sdk("AssumeRole", &self.sts_endpoint, e))?;
        let given = answer.credentials.ok_or(LiveError::Incomplete { what: "AssumeRole", member: "Credentials" })?;
        let credentials = SdkCredentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            given.expiration.try_into().ok(),
            "AssumeRole",
        );
        Ok(self.with_credentials(credentials))
    }

    /// The same place with other credentials.
    #[must_use]
    pub fn with_credentials(&self, credentials: SdkCredentials) -> Aws {
        let config =
            self.config.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials.clone())).build();
        let eks = self.eks.config().to_builder().credentials_provider(credentials.clone()).build();
        let sts = self.sts.config().to_builder().credentials_provider(credentials.clone()).build();
        Aws {
            eks: aws_sdk_eks::Client::from_conf(eks),
            sts: aws_sdk_sts::Client::from_conf(sts),
            config,
            credentials,
            ..self.clone()
        }
    }

    /// The same credentials in another region.
    #[must_use]
    pub fn in_region(&self, region: &Region) -> Aws {
        if *region == self.region {
            return self.clone();
        }
        let sdk_region = aws_config::Region::new(region.as_str().to_owned());
        let config = self.config.to_builder().region(sdk_region).build();
        Aws::new(config, self.credentials.clone(), region.clone(), self.endpoint_url.as_deref())
    }

    /// Who the credentials belong to.
    pub async fn caller(&self) -> Result<CallerIdentity, LiveError> {
        let answer = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|e| from_sdk("GetCallerIdentity", &self.sts_endpoint, e))?;
        match (answer.account, answer.arn, answer.user_id) {
            (Some(account), Some(arn), Some(user_id)) => Ok(CallerIdentity { account, arn, user_id }),
            _ => Err(LiveError::Incomplete { what: "GetCallerIdentity", member: "Arn" }),
        }
    }

    /// The credentials, for signing.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.credentials.access_key_id().to_owned(),
            secret: SecretKey::new(self.credentials.secret_access_key()),
            session_token: self.credentials.session_token().map(SecretKey::new),
        }
    }

    /// How often a call is tried.
    pub(crate) fn attempts(&self) -> u32 {
        self.config.retry_config().map_or(ATTEMPTS, RetryConfig::max_attempts)
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Whether the EKS endpoint is AWS's own, not an Entryway control plane (or something like it).
    pub fn is_aws(&self) -> bool {
        self.is_aws
    }

    /// Where EKS calls go, for messages.
    pub fn eks_endpoint(&self) -> &str {
        &self.eks_endpoint
    }

    /// Scheme and authority of the STS that tokens are presigned for.
    pub fn sts_endpoint(&self) -> &str {
        &self.sts_endpoint
    }

    /// Where IAM is asked, and the region that its requests are signed for: IAM is one for a partition.
    pub(crate) fn iam_endpoint(&self) -> (String, String) {
        let own_region = || self.region.as_str().to_owned();
        if let Some(explicit) = &self.iam_endpoint {
            return (explicit.clone(), own_region());
        }
        if !self.is_aws {
            return (self.eks_endpoint.clone(), own_region());
        }
        let partition = Partition::of_region(&self.region);
        let (host, region) = match partition {
            Partition::Aws => ("iam.amazonaws.com", "us-east-1"),
            Partition::AwsCn => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            Partition::AwsUsGov => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
            Partition::AwsIso => ("iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
            Partition::AwsIsoB => ("iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
            Partition::AwsIsoE => ("iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
            Partition::AwsIsoF => ("iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
            Partition::AwsEusc => ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        };
        (format!("https://{host}"), region.to_owned())
    }

    pub(crate) fn eks(&self) -> &aws_sdk_eks::Client {
        &self.eks
    }
}

/// The region that flag, environment or profile names. The instance's metadata is not asked: the AWS CLI does not
/// ask it either.
async fn region(options: &AwsOptions) -> Result<Region, LiveError> {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &options.profile {
        profile = profile.profile_name(name);
    }
    let chain = RegionProviderChain::first_try(options.region.clone().map(aws_config::Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build());
    let found = chain.region().await.ok_or_else(|| LiveError::NoRegion {
        profile: options.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty())),
    })?;
    found.as_ref().parse().map_err(|error: entryway_access::ArnError| LiveError::Setting(error.to_string()))
}

async fn credentials(profile: Option<&str>, config: &ProviderConfig) -> Result<SdkCredentials, LiveError> {
    let found = match profile {
        Some(name) => {
            ProfileFileCredentialsProvider::builder()
                .profile_name(name)
                .configure(config)
                .build()
                .provide_credentials()
                .await
        }
        None => {
            // One try of one second, as the AWS CLI has it: a laptop should not wait for a machine that it is not.
            let instance = aws_config::imds::Client::builder()
                .configure(config)
                .max_attempts(1)
                .connect_timeout(Duration::from_secs(1))
                .read_timeout(Duration::from_secs(1))
                .build();
            let chain =
                DefaultCredentialsChain::builder().configure(config.clone()).imds_client(instance).build().await;
            chain.provide_credentials().await
        }
    };
    found.map_err(|error| LiveError::NoCredentials(innermost(&error)))
}

/// `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, or the same of the profile.
fn service_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build().ok()?;
    config
        .service_config()
        .and_then(|settings| settings.load_config(key))
        .or_else(|| config.endpoint_url().map(str::to_owned))
        .filter(|url| !url.is_empty())
}

/// The DNS suffixes of a partition: usual, and dual-stack (`authn.md` §2).
fn domains(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Aws | Partition::AwsUsGov => ("amazonaws.com", "api.aws"),
        Partition::AwsCn => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        Partition::AwsIso => ("c2s.ic.gov", "c2s.ic.gov"),
        Partition::AwsIsoB => ("sc2s.sgov.gov", "sc2s.sgov.gov"),
        Partition::AwsIsoE => ("cloud.adc-e.uk", "cloud.adc-e.uk"),
        Partition::AwsIsoF => ("csp.hci.ic.gov", "csp.hci.ic.gov"),
        Partition::AwsEusc => ("amazonaws.eu", "api.amazonwebservices.eu"),
    }
}

/// The regional endpoint of the real STS; GovCloud's own host is its FIPS host.
fn sts_endpoint(partition: Partition, region: &Region, fips: bool, dual_stack: bool) -> String {
    let (usual, dual) = domains(partition);
    let host = if fips && partition != Partition::AwsUsGov { "sts-fips" } else { "sts" };
    let domain = if dual_stack { dual } else { usual };
    format!("https://{host}.{region}.{domain}")
}

/// Whether a URL's host belongs to AWS.
fn is_aws_host(url: &str) -> bool {
    let Ok(uri) = url.parse::<::http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    Partition::ALL.iter().any(|partition| {
        let (usual, dual) = domains(*partition);
        [usual, dual].iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_aws_and_others() {
        for url in [
            "https://eks.eu-west-1.amazonaws.com",
            "https://eks.cn-north-1.amazonaws.com.cn/",
            "https://eks.us-east-1.api.aws",
        ] {
            assert!(is_aws_host(url), "{url}");
        }
        for url in [
            "http://127.0.0.1:4780",
            "https://eks.amazonaws.com.example.org",
            "https://notamazonaws.com",
            "nonsense",
            "",
        ] {
            assert!(!is_aws_host(url), "{url}");
        }
    }

    #[test]
    fn sts_hosts_by_partition() {
        let region = |name: &str| name.parse::<Region>().unwrap();
        let host = |p, r: &str, fips, dual| sts_endpoint(p, &region(r), fips, dual);
        assert_eq!(host(Partition::Aws, "us-east-1", false, false), "https://sts.us-east-1.amazonaws.com");
        assert_eq!(host(Partition::Aws, "us-east-1", true, true), "https://sts-fips.us-east-1.api.aws");
        assert_eq!(host(Partition::AwsUsGov, "us-gov-west-1", true, false), "https://sts.us-gov-west-1.amazonaws.com");
        assert_eq!(host(Partition::AwsCn, "cn-north-1", false, false), "https://sts.cn-north-1.amazonaws.com.cn");
    }
}
