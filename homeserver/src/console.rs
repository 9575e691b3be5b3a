//! The socket in the data folder by which `hearth admin` asks the running server. Whoever may open the folder, its owner
//! alone, is an administrator there.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use axum::{Extension, Router};
use hearth_client_api::{ClientApi, Console};
use tokio::net::UnixListener;

/// The socket's name in the folder.
pub const SOCKET: &str = "admin.sock";

const OWNER_ALONE: u32 = 0o600;

/// Serves it as long as the process lives.
pub fn serve(folder: &Path, api: ClientApi) -> io::Result<()> {
    let path = folder.join(SOCKET);
    // The database has a lock: what is there is left over from a server that was killed.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(OWNER_ALONE))?;
    let router: Router = hearth_client_api::router(api).layer(Extension(Console));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the socket of `hearth admin` is not served any more");
        }
    });
    Ok(())
}
