//! Configuration files with the files that they include, merged into one tree.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::node::{self, Node, Value};
use crate::report::{Place, Report};

/// A chain of includes that is longer is a mistake.
const MAX_DEPTH: usize = 16;

/// The tree of a file with all that it includes, and the files' names.
pub(crate) struct Files {
    pub(crate) root: Node,
    pub(crate) read: Vec<Arc<str>>,
}

/// Reads a file and what it includes. Names in reports are relative to the directory, as they were given.
pub(crate) fn read(directory: &Path, path: &Path, report: &mut Report) -> Files {
    let mut reading = Reading { directory, open: Vec::new(), done: Vec::new(), read: Vec::new(), report };
    let root = reading.file(path, &Place::Default);
    Files { root: root.unwrap_or(Node { value: Value::Null, at: Place::Default }), read: reading.read }
}

/// Reads a configuration that is no file. It includes none.
pub(crate) fn text(text: &str, report: &mut Report) -> Node {
    let read = node::read(&Arc::from("the configuration"), text.as_bytes());
    read.unwrap_or_else(|problem| {
        report.problems.push(problem);
        Node { value: Value::Null, at: Place::Default }
    })
}

struct Reading<'a> {
    directory: &'a Path,
    /// The files from the first one to the one that is read now.
    open: Vec<PathBuf>,
    /// All files so far: one that two others include counts once.
    done: Vec<PathBuf>,
    read: Vec<Arc<str>>,
    report: &'a mut Report,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path, from: &Place) -> Option<Node> {
        let name: Arc<str> = Arc::from(path.to_string_lossy());
        let on_disk = self.directory.join(path);
        let content = match std::fs::read(&on_disk) {
            Ok(content) => content,
            Err(error) => {
                let message = format!("the file {name} cannot be read: {}", reason(&error));
                self.report.error(from, message).help("check the path; includes are relative to their file");
                return None;
            }
        };
        // The same file by another spelling of its path must be known as the same.
        let real = std::fs::canonicalize(&on_disk).unwrap_or(on_disk);
        if self.open.contains(&real) || self.open.len() >= MAX_DEPTH {
            let problem = self.report.error(from, format!("the file {name} includes itself"));
            problem.help("take one of the `include` lines out");
            return None;
        }
        if self.done.contains(&real) {
            return None;
        }
        self.done.push(real.clone());
        self.read.push(Arc::clone(&name));
        let mut root = match node::read(&name, &content) {
            Ok(root) => root,
            Err(problem) => {
                self.report.problems.push(problem);
                return None;
            }
        };
        if !matches!(root.value, Value::Map(_) | Value::Null) {
            let problem =
                self.report.error(&root.at, format!("the file is {}, not a map of keys", root.kind()));
            problem.help("is this the right file? a configuration begins with a key such as `model_list:`");
            return None;
        }
        self.open.push(real);
        self.includes(&mut root, path);
        self.open.pop();
        Some(root)
    }

    fn includes(&mut self, root: &mut Node, path: &Path) {
        let Some(include) = root.get("include").cloned() else { return };
        let folder = path.parent().unwrap_or(Path::new(""));
        for element in include.elements() {
            // What is no text is reported when the keys are checked.
            let Some(file) = element.text() else { continue };
            if let Some(other) = self.file(&folder.join(file), &element.at) {
                root.merge(without_include(other));
            }
        }
    }
}

/// What a file includes was merged into it already.
fn without_include(mut node: Node) -> Node {
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| entry.key != "include");
    }
    node
}

/// Why a file could not be read, in words.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        kind => kind.to_string(),
    }
}
