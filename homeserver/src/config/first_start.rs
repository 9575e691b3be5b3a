use std::{fs, io::Write, path::Path};

use rand::{
    CryptoRng,
    distr::{Alphanumeric, SampleString},
};

use super::{Config, ConfigError, DEFAULT_FILE, Variables};

impl Config {
    /// Whether nothing says yet how to serve: no file is given, none is in `folder`, and no variable names the
    /// server.
    pub fn is_first_start(given: Option<&Path>, folder: &Path, variables: &Variables) -> bool {
        given.is_none() && !variables.name_the_server() && !folder.join(DEFAULT_FILE).exists()
    }

    /// Writes a short file for a server on loopback, with a shared secret of its own, readable only by its owner.
    /// A file that exists is left as it is: that is an error.
    pub fn create_default(file: &Path, randomness: &mut impl CryptoRng) -> Result<(), ConfigError> {
        let secret = Alphanumeric.sample_string(randomness, 40);
        let text = format!(
            r#"# The settings of this server; hearth.example.toml explains all that there are.

# The domain of its users and rooms. It cannot be changed once there are accounts.
server_name = "localhost"
data = "data"
listen = "127.0.0.1:8008"
registration = "off"

# With it `hearth user add` makes accounts on the running server.
registration_shared_secret = "{secret}"
"#
        );
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(file)
            .and_then(|mut made| made.write_all(text.as_bytes()))
            .map_err(|source| ConfigError::File { file: file.to_owned(), source })
    }
}
