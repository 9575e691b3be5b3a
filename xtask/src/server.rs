//! A server for real clients: on loopback, on a data folder that lasts as long as the run, kept alive over restarts.
//!
//! The process that started it is its parent for the whole run, and starts it again when it stops in good order.
//! [`restart`] runs in another process: it knows the run by its folder alone.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::process::{self, Outcome};

/// How long a server may take to stop, and then to serve.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(50);

const ADDRESS_FILE: &str = "address";
const PID_FILE: &str = "pid";
const LOG_FILE: &str = "server.log";

/// A server that is started again whenever it stops in good order, until this is dropped or ended.
pub struct Server {
    folder: PathBuf,
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    keeper: Option<JoinHandle<Outcome<()>>>,
}

impl Server {
    /// Starts the server `binary` with the data of `folder`, and waits until it answers.
    pub fn start(binary: &Path, folder: &Path) -> Outcome<Self> {
        let address = free_address()?;
        write_whole(&folder.join(ADDRESS_FILE), &address.to_string())?;
        let first = start_once(binary, folder, address)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let keeper = {
            let (binary, folder, is_over) = (binary.to_owned(), folder.to_owned(), is_over.clone());
            thread::spawn(move || keep(first, &is_over, || start_once(&binary, &folder, address)))
        };
        let server = Self { folder: folder.to_owned(), address, is_over, keeper: Some(keeper) };
        wait_until("the server answers", || is_serving(server.address) || server.has_ended())?;
        if server.has_ended() {
            server.end().and(Err("the server did not start".to_owned()))
        } else {
            Ok(server)
        }
    }

    /// The base URL of its client API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the server; that it did not stop in good order, now or before, is an error.
    pub fn end(mut self) -> Outcome<()> {
        self.stop()
    }

    /// The last lines of its log.
    pub fn end_of_log(folder: &Path, lines: usize) -> String {
        let log = fs::read_to_string(folder.join(LOG_FILE)).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn has_ended(&self) -> bool {
        self.keeper.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn stop(&mut self) -> Outcome<()> {
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        self.is_over.store(true, Ordering::SeqCst);
        if !keeper.is_finished() {
            terminate(&self.folder)?;
        }
        keeper.join().unwrap_or_else(|_| Err("the thread that keeps the server failed".to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(problem) = self.stop() {
            eprintln!("xtask: {problem}");
        }
    }
}

/// Stops the server of the run in `folder` with SIGTERM, and waits until its successor serves.
pub fn restart(folder: &Path) -> Outcome<()> {
    let read = |name| fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"));
    let address = read(ADDRESS_FILE)?.parse().map_err(|error| format!("{ADDRESS_FILE}: {error}"))?;
    let before = read(PID_FILE)?;
    terminate(folder)?;
    wait_until("the server restarts", || read(PID_FILE).is_ok_and(|now| now != before) && is_serving(address))
}

/// Waits for the server, and starts it again whenever it stopped in good order, until the run is over.
fn keep(mut child: Child, is_over: &AtomicBool, start: impl Fn() -> Outcome<Child>) -> Outcome<()> {
    let mut over_since = None;
    loop {
        match child.try_wait() {
            Err(error) => return Err(format!("the server cannot be waited for: {error}")),
            Ok(Some(status)) if !status.success() => return Err(format!("the server ended with {status}")),
            Ok(Some(_)) if is_over.load(Ordering::SeqCst) => return Ok(()),
            Ok(Some(_)) => child = start()?,
            Ok(None) => thread::sleep(GLANCE),
        }
        if is_over.load(Ordering::SeqCst) {
            let since = over_since.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                let end = child.kill().and_then(|()| child.wait());
                return Err(format!("the server did not stop, and was killed: {end:?}"));
            }
        }
    }
}

fn start_once(binary: &Path, folder: &Path, address: SocketAddr) -> Outcome<Child> {
    let told = |error| format!("{}: {error}", binary.display());
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG_FILE)).map_err(told)?;
    let mut command = Command::new(binary);
    // The settings of whoever runs the tests are not those of this server.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARTH_")) {
        command.env_remove(name);
    }
    command
        .arg("serve")
        .current_dir(folder)
        .env("HEARTH_SERVER_NAME", "localhost")
        .env("HEARTH_DATA", folder.join("data"))
        .env("HEARTH_LISTEN", address.to_string())
        .env("HEARTH_PUBLIC_URL", format!("http://{address}"))
        .env("HEARTH_REGISTRATION", "open")
        .env("HEARTH_RATE_LIMITS", "off")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(told)?)
        .stderr(log);
    let child = command.spawn().map_err(told)?;
    write_whole(&folder.join(PID_FILE), &child.id().to_string())?;
    Ok(child)
}

/// Sends SIGTERM to the server of the run in `folder`.
fn terminate(folder: &Path) -> Outcome<()> {
    let pid = fs::read_to_string(folder.join(PID_FILE)).map_err(|error| format!("{PID_FILE}: {error}"))?;
    // The shell's own `kill`: the program of that name is not on every machine.
    if process::succeeds(Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid])) {
        Ok(())
    } else {
        Err(format!("the server {pid} cannot be stopped"))
    }
}

/// An address of loopback on which nothing listens.
fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map_err(|error| format!("no free port: {error}"))
}

/// Whether a homeserver answers at that address.
fn is_serving(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(
            b"GET /_matrix/client/versions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) -> Outcome<()> {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > PATIENCE {
            return Err(format!("waited in vain for {} s until {what}", PATIENCE.as_secs()));
        }
        thread::sleep(GLANCE);
    }
    Ok(())
}

/// Writes a file so that whoever reads it finds the old content or the new.
fn write_whole(file: &Path, text: &str) -> Outcome<()> {
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, file))
        .map_err(|error| format!("{}: {error}", file.display()))
}
