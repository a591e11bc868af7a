//! The file that private keys are mounted as.

use std::path::PathBuf;

use kith_tokens::SigningKeys;
use secrecy::{ExposeSecret, SecretString};

/// Reads the file again and again: a new key takes effect without a restart.
pub(crate) struct Mounted {
    /// `None` where the keys were given by value.
    file: Option<PathBuf>,
    /// What went wrong the last time, so that it is said once.
    problem: Option<String>,
}

impl Mounted {
    /// The keys of `file`, if there is one.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, problem: None }
    }

    /// The keys as they are now; `None` when they are not in a file, or it is no good: those that were there before
    /// stay then.
    pub(crate) async fn read_again(&mut self) -> Option<SigningKeys> {
        // By its path each time: Kubernetes changes a secret by having a symbolic link lead elsewhere.
        let file = self.file.as_ref()?;
        let read = match tokio::fs::read_to_string(file).await {
            Ok(text) => {
                let text = SecretString::from(text);
                SigningKeys::from_pem(text.expose_secret()).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let problem = read.as_ref().err().cloned();
        if problem != self.problem
            && let Some(problem) = &problem
        {
            let file = file.display().to_string();
            tracing::error!(
                file,
                problem,
                "the signing keys cannot be read again; those that were there stay"
            );
        }
        self.problem = problem;
        read.ok()
    }
}
