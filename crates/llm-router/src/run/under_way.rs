//! Attempts while they are made, for those who must know of them when a run is dropped.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::deployment::Deployment;

/// Attempts that have neither answered nor failed.
#[derive(Default)]
pub struct UnderWay(Mutex<SmallVec<[Asked; 1]>>);

/// An attempt that is being made.
#[derive(Clone)]
pub struct Asked {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The public name of the model that it is asked for.
    pub group: Box<str>,
}

impl UnderWay {
    /// Those that are being made now.
    pub fn asked(&self) -> SmallVec<[Asked; 1]> {
        self.0.lock().clone()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn begin(&self, deployment: &Arc<Deployment>, group: &str) {
        self.0.lock().push(Asked { deployment: Arc::clone(deployment), group: group.into() });
    }

    pub(super) fn end(&self, deployment: &Arc<Deployment>) {
        let mut asked = self.0.lock();
        if let Some(at) = asked.iter().position(|one| Arc::ptr_eq(&one.deployment, deployment)) {
            asked.swap_remove(at);
        }
    }
}
