//! Listening, and who else listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listens on an address. A port that was just given up can be taken again at once.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Accepted connections have it, too: a client that has vanished without a word is noticed some day.
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The process that listens on a port, as `name (pid)`; `None` where the system does not tell.
pub(crate) fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let path = process.path();
        let id = process.file_name().to_string_lossy().into_owned();
        // `self` is there, too.
        if !id.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let Ok(descriptors) = std::fs::read_dir(path.join("fd")) else { continue };
        let holds = descriptors.flatten().any(|descriptor| {
            let target = std::fs::read_link(descriptor.path()).unwrap_or_default();
            inodes.iter().any(|inode| target.as_os_str() == inode.as_str())
        });
        if holds {
            let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
            return Some(format!("{} (process {id})", name.trim()));
        }
    }
    None
}

/// The inodes of listening sockets on a port, from `/proc/net/tcp`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    let of_line = |line: &str| {
        let mut fields = line.split_whitespace();
        let (local, state, inode) = (fields.nth(1)?, fields.nth(1)?, fields.nth(5)?);
        (local.ends_with(&wanted) && state == LISTEN).then(|| inode.to_owned())
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inodes_of_listening_sockets() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                        0: 0100007F:12AC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0\n\
                        1: 0100007F:12AC 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 31338 1 0\n\
                        2: broken\n";
        assert_eq!(listening_inodes(table, 4780), ["31337"]);
        assert!(listening_inodes(table, 1).is_empty());
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn the_holder_is_named() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = holder(port).unwrap();
        assert!(holder.contains(&format!("(process {})", std::process::id())), "{holder}");
    }
}
