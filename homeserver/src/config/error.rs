use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Why a configuration cannot be served: one line that says what is wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read or made.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line or a variable is wrong.
    #[error("{place}: {problem}")]
    Setting {
        /// Where it was set.
        place: Place,
        /// What is wrong with it.
        problem: String,
    },
    /// What was set cannot be read as settings at all.
    #[error("{0}")]
    Unreadable(String),
    /// Neither a file nor a variable names the server.
    #[error("{}: server_name is missing (or the variable HEARTH_SERVER_NAME)", file.display())]
    NoServerName {
        /// The file that was read, or would have been.
        file: PathBuf,
    },
}

impl serde::de::Error for ConfigError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::Unreadable(problem.to_string())
    }
}

/// Where something was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    Line {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// In a variable of the environment.
    Variable(String),
}

impl Place {
    /// The line of `text` (the content of `file`) in which the byte `offset` lies.
    pub(super) fn of_offset(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.as_bytes().iter().take(offset);
        Self::Line { file: file.to_owned(), line: 1 + before.filter(|byte| **byte == b'\n').count() }
    }

    /// The error that `problem` is, here.
    pub(super) fn error(self, problem: impl Into<String>) -> ConfigError {
        // A problem may quote what was set, and what was set may hold line breaks.
        let problem = problem.into().split_whitespace().collect::<Vec<_>>().join(" ");
        ConfigError::Setting { place: self, problem }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}
