//! Starting, stopping, and starting again.

use serde_json::{Value, json};

use super::client::{Api, config};
use crate::start::start_at;
use crate::{StartError, read_admin_file, read_run_file, start};

#[tokio::test]
async fn what_was_made_is_there_again() {
    let data = tempfile::tempdir().unwrap();
    let first = start(config(data.path(), &["demo"])).await.unwrap();
    let info = first.info().clone();
    assert_eq!(read_run_file(data.path()), Some(info.clone()));
    assert_eq!(info.clusters[0].name, "demo");
    let admin = read_admin_file(data.path()).unwrap();
    let ca = first.plane().ca.clone();

    let second = start(config(data.path(), &["demo"])).await.unwrap_err();
    let StartError::Running { pid, .. } = &second else { panic!("{second}") };
    assert_eq!(*pid, std::process::id());
    assert!(second.to_string().contains(&format!("process {pid} at {}", info.api)), "{second}");

    first.shutdown().await;
    assert_eq!(read_run_file(data.path()), None);
    let again = start(config(data.path(), &["demo", "more"])).await.unwrap();
    assert_eq!(again.info().clusters[0], info.clusters[0], "the endpoint is kept");
    assert_eq!(again.info().clusters.len(), 2);
    assert_eq!(read_admin_file(data.path()).unwrap().access_key_id, admin.access_key_id);
    assert_eq!(again.plane().ca, ca);
    again.shutdown().await;
}

#[tokio::test]
async fn a_kept_port_that_is_taken_names_cluster_and_holder() {
    let data = tempfile::tempdir().unwrap();
    let first = start(config(data.path(), &["demo"])).await.unwrap();
    let port: u16 = first.info().clusters[0].endpoint.rsplit(':').next().unwrap().parse().unwrap();
    first.shutdown().await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let error = start(config(data.path(), &[])).await.unwrap_err().to_string();
    assert!(error.contains("`demo`") && error.contains(&format!("127.0.0.1:{port}")), "{error}");
    #[cfg(target_os = "linux")]
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
}

#[tokio::test]
async fn unsafe_starts_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut remote = config(data.path(), &[]);
    remote.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(start(remote).await, Err(StartError::Remote(_))));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut same = config(data.path(), &[]);
    same.listen = taken.local_addr().unwrap();
    assert!(matches!(start(same).await, Err(StartError::AddressTaken { .. })));
    std::fs::write(data.path().join("entryway.redb"), "not a store").unwrap();
    let error = start(config(data.path(), &[])).await.unwrap_err();
    assert!(matches!(error, StartError::Store(entryway_store::StoreError::Broken { .. })), "{error}");
}

/// A clock that is off is told, and nothing is changed by it.
#[tokio::test]
async fn a_clock_that_is_off() {
    let data = tempfile::tempdir().unwrap();
    let first = start(config(data.path(), &["demo"])).await.unwrap();
    let ca = first.plane().ca.clone();
    first.shutdown().await;
    for wrong in ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let error = start_at(config(data.path(), &[]), wrong.parse().unwrap()).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("this machine's clock says {}", &wrong[..10])), "{error}");
    }
    let again = start(config(data.path(), &[])).await.unwrap();
    assert_eq!(again.plane().ca, ca);
    again.shutdown().await;
}

#[tokio::test]
async fn a_cluster_port_is_the_first_free_one() {
    let data = tempfile::tempdir().unwrap();
    // Three ports in a row, the first taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let first = taken.local_addr().unwrap().port();
    let mut fixed = config(data.path(), &["demo"]);
    fixed.listen = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    fixed.cluster_ports = first..=first.saturating_add(20);
    match start(fixed).await {
        Ok(running) => {
            let port: u16 = running.info().clusters[0].endpoint.rsplit(':').next().unwrap().parse().unwrap();
            assert!(port > first && port <= first + 20, "{port}");
            running.shutdown().await;
        }
        // Somebody else took the API's port in between.
        Err(StartError::AddressTaken { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_deleted_cluster_leaves_no_objects() {
    let api = Api::start(&["demo"]).await;
    let store = std::sync::Arc::clone(&api.plane.store);
    let objects = async || store.list("/k8s/", entryway_store::ListOptions::default()).await.unwrap().items.len();
    api.eks("DELETE", "/clusters/demo", Value::Null).await.ok();
    let swept = async {
        while objects().await > 0 || !store.list("/server/gone/", Default::default()).await.unwrap().items.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), swept).await.expect("swept");
    assert_eq!(api.eks("GET", "/clusters", Value::Null).await.ok(), json!({ "clusters": [] }));
    api.running.shutdown().await;
}
