//! Volumes and what mounts them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::environment;
use crate::{kinds::Place, names, validate::FieldError};

/// Kinds of volumes, in the order in which the server looks for them.
const KINDS: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];
const HOST_PATHS: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
const FILE_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// Checks the volumes; those that are right can be mounted.
pub(super) fn check<'a>(volumes: &Place<'a>, errors: &mut Vec<FieldError>) -> Vec<(&'a str, &'a Value)> {
    let mut good: Vec<(&str, &Value)> = Vec::new();
    for volume in volumes.items() {
        let mut found = Vec::new();
        check_source(&volume, &mut found);
        let name = volume.at("name");
        name.named(names::dns1123_label, &mut found);
        if good.iter().any(|(known, _)| *known == name.text()) {
            found.push(name.duplicate());
        }
        if found.is_empty() {
            good.push((name.text(), volume.value));
        }
        errors.append(&mut found);
    }
    good
}

fn check_source(volume: &Place<'_>, errors: &mut Vec<FieldError>) {
    let mut count = 0;
    for kind in KINDS {
        let source = volume.at(kind);
        if !source.is_set() {
            continue;
        }
        count += 1;
        if count > 1 {
            let path = volume.at(match kind {
                "downwardAPI" => "downwarAPI",
                "cephfs" => "cephFS",
                kind => kind,
            });
            errors.push(path.forbidden("may not specify more than 1 volume type"));
        } else {
            check_kind(kind, &source, errors);
        }
    }
    if count == 0 {
        errors.push(volume.required("must specify a volume type"));
    }
}

fn check_kind(kind: &str, source: &Place<'_>, errors: &mut Vec<FieldError>) {
    let mut need = |field: &str| {
        if source.at(field).is_empty() {
            errors.push(source.at(field).required(""));
        }
    };
    match kind {
        "hostPath" => check_host_path(source, errors),
        "gitRepo" => need("repository"),
        "secret" => {
            need("secretName");
            check_mode(&source.at("defaultMode"), errors);
            source.at("items").items().for_each(|item| check_item(&item, errors));
        }
        "configMap" => {
            need("name");
            check_mode(&source.at("defaultMode"), errors);
            source.at("items").items().for_each(|item| check_item(&item, errors));
        }
        "nfs" => {
            need("server");
            need("path");
            if !source.at("path").text().starts_with('/') {
                let detail = "must be an absolute path";
                errors.push(FieldError::invalid_text(source.at("path").path, source.at("path").text(), detail));
            }
        }
        "persistentVolumeClaim" => need("claimName"),
        "awsElasticBlockStore" => need("volumeID"),
        "gcePersistentDisk" => need("pdName"),
        "csi" => need("driver"),
        "ephemeral" if !source.at("volumeClaimTemplate").is_set() => {
            errors.push(source.at("volumeClaimTemplate").required(""));
        }
        "downwardAPI" => {
            check_mode(&source.at("defaultMode"), errors);
            source.at("items").items().for_each(|file| check_file(&file, &source.path, errors));
        }
        "projected" => check_projected(source, errors),
        _ => {}
    }
}

fn check_host_path(source: &Place<'_>, errors: &mut Vec<FieldError>) {
    let path = source.at("path");
    if path.is_empty() {
        errors.push(path.required(""));
        return;
    }
    check_no_backsteps(&path, errors);
    let ty = source.at("type");
    if ty.is_set() && !HOST_PATHS.contains(&ty.text()) {
        errors.push(ty.not_supported(&HOST_PATHS));
    }
}

fn check_no_backsteps(path: &Place<'_>, errors: &mut Vec<FieldError>) {
    if path.text().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
}

fn check_relative(path: &Place<'_>, errors: &mut Vec<FieldError>) {
    if path.text().starts_with('/') {
        errors.push(path.invalid("must be a relative path"));
    }
    check_no_backsteps(path, errors);
}

fn check_file_path(path: &Place<'_>, errors: &mut Vec<FieldError>) {
    if path.is_empty() {
        errors.push(path.required(""));
    }
    check_relative(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") && path.text() != ".." {
        errors.push(path.invalid("must not start with '..'"));
    }
}

fn check_mode(mode: &Place<'_>, errors: &mut Vec<FieldError>) {
    if mode.number().is_some_and(|n| !(0..=0o777).contains(&n)) {
        errors.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
    }
}

fn check_item(item: &Place<'_>, errors: &mut Vec<FieldError>) {
    if item.at("key").is_empty() {
        errors.push(item.at("key").required(""));
    }
    check_file_path(&item.at("path"), errors);
    check_mode(&item.at("mode"), errors);
}

/// A file of the downward API; the server names the list, not the item.
fn check_file(file: &Place<'_>, at: &str, errors: &mut Vec<FieldError>) {
    let file = Place::new(file.value, at);
    check_file_path(&file.at("path"), errors);
    if file.at("fieldRef").is_set() {
        environment::check_field(&file.at("fieldRef"), &FILE_FIELDS, errors);
        if file.at("resourceFieldRef").is_set() {
            let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(FieldError::invalid_text(file.path.clone(), "resource", detail));
        }
    } else if file.at("resourceFieldRef").is_set() {
        environment::check_resource(&file.at("resourceFieldRef"), true, errors);
    } else {
        errors.push(file.required("one of fieldRef and resourceFieldRef is required"));
    }
    check_mode(&file.at("mode"), errors);
}

fn check_projected(projected: &Place<'_>, errors: &mut Vec<FieldError>) {
    check_mode(&projected.at("defaultMode"), errors);
    for source in projected.at("sources").items() {
        let mut count = 0;
        for kind in ["secret", "configMap"] {
            let part = source.at(kind);
            if part.is_set() {
                count += 1;
                if part.at("name").is_empty() {
                    errors.push(part.at("name").required(""));
                }
                part.at("items").items().for_each(|item| check_item(&item, errors));
            }
        }
        let files = source.at("downwardAPI");
        if files.is_set() {
            count += 1;
            files.at("items").items().for_each(|file| check_file(&file, &files.path, errors));
        }
        let token = source.at("serviceAccountToken");
        if token.is_set() {
            count += 1;
            let seconds = token.at("expirationSeconds");
            if seconds.number().is_some_and(|n| n < 600) {
                errors.push(seconds.invalid("may not specify a duration less than 10 minutes"));
            }
            if seconds.number().is_some_and(|n| n > 1 << 32) {
                errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
            }
            if token.at("path").is_empty() {
                errors.push(projected.at("path").required(""));
            }
        }
        if count > 1 {
            errors.push(source.forbidden("may not specify more than 1 volume type"));
        }
    }
}

pub(super) fn check_mounts(container: &Place<'_>, volumes: &[(&str, &Value)], errors: &mut Vec<FieldError>) {
    let mounts = container.at("volumeMounts");
    let mut paths = BTreeSet::new();
    for mount in mounts.items() {
        let (name, path) = (mount.at("name"), mount.at("mountPath"));
        if name.is_empty() {
            errors.push(name.required(""));
        }
        if !volumes.iter().any(|(known, _)| *known == name.text()) {
            errors.push(name.not_found());
        }
        if path.is_empty() {
            errors.push(path.required(""));
        }
        if !paths.insert(path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        // The server forgets the index here.
        for field in ["subPath", "subPathExpr"] {
            check_relative(&Place::new(mount.at(field).value, mounts.at(field).path), errors);
        }
        if !mount.at("subPath").is_empty() && !mount.at("subPathExpr").is_empty() {
            errors.push(mount.at("subPathExpr").invalid("subPathExpr and subPath are mutually exclusive"));
        }
    }
    for device in container.at("volumeDevices").items() {
        let name = device.at("name");
        match volumes.iter().find(|(known, _)| *known == name.text()) {
            None => errors.push(name.not_found()),
            Some((_, volume)) if volume.get("persistentVolumeClaim").or(volume.get("ephemeral")).is_none() => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                errors.push(name.invalid(detail));
            }
            Some(_) => {}
        }
        if device.at("devicePath").is_empty() {
            errors.push(device.at("devicePath").required(""));
        }
    }
}
