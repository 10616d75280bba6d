//! Small files of credentials that are written back when what they hold was renewed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Puts a text in the place of a file at once: whoever reads it sees the old one or the new one, and after a crash it is
/// one of the two. Only its owner may read it.
///
/// # Errors
/// When the folder cannot be written to.
pub(crate) fn replace(path: &str, text: &str) -> io::Result<()> {
    let path = Path::new(path);
    let beside = beside(path);
    let written = create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // Nothing was put in the place of anything; what is left of it is no use.
        drop(std::fs::remove_file(&beside));
    }
    written
}

/// A name of this process's own in the same folder.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners() {
        let folder = std::env::temp_dir().join(format!("replaced-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("login.json");
        std::fs::write(&path, "old and longer").expect("a file");
        replace(path.to_str().expect("text"), "new").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "new");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1, "nothing is left beside it");
        let nowhere = folder.join("none").join("login.json");
        assert!(replace(nowhere.to_str().expect("text"), "new").is_err());
        std::fs::remove_dir_all(&folder).expect("empty");
    }
}
