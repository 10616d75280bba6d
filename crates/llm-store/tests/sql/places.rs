//! A new database of every kind that is compiled in: what holds for one must hold for all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm_core::Secret;
use llm_store::{Database, DatabaseSettings};
use llm_testkit::postgres::PostgresServer;

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("llm-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings::new(Secret::new(url.to_owned()))
}

pub(crate) fn file(path: &Path) -> DatabaseSettings {
    settings(&format!("sqlite:{}", path.display()))
}

/// A new, empty database.
pub(crate) struct Place {
    pub(crate) kind: &'static str,
    pub(crate) settings: DatabaseSettings,
    _folder: Option<Folder>,
    _server: Option<Arc<PostgresServer>>,
}

impl Place {
    pub(crate) async fn open(&self) -> Database {
        Database::open(&self.settings).await.expect("it opens")
    }

    /// Whether another handle sees the same database.
    pub(crate) fn lasts(&self) -> bool {
        self.kind != "memory"
    }
}

/// One of every kind.
pub(crate) async fn everywhere(test: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let folder = Folder::new();
    let settings_of_file = file(&folder.file("gateway.db"));
    places.push(Place { kind: "file", settings: settings_of_file, _folder: Some(folder), _server: None });
    let memory = settings("sqlite::memory:");
    places.push(Place { kind: "memory", settings: memory, _folder: None, _server: None });
    if let Some(server) = PostgresServer::shared(test) {
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = Database::connect(&settings(&server.url())).expect("an address");
        admin.execute(&format!("CREATE DATABASE {name}"), &[]).await.expect("a database");
        let settings = settings(&server.url_of(&name));
        places.push(Place { kind: "postgres", settings, _folder: None, _server: Some(server) });
    }
    places
}
