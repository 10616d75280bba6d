//! Profiles of `~/.aws/credentials` and `~/.aws/config`, after "Shared config and credentials files" of the SDKs'
//! reference guide (read November 2026).

use std::collections::HashMap;
use std::path::PathBuf;

use llm_core::Secret;
use llm_providers::Parameters;

use crate::environment::Environment;

const DEFAULT: &str = "default";

type Profile = HashMap<String, String>;

/// All profiles by name. What the credentials say counts more than what the configuration says.
pub(super) struct Profiles(HashMap<String, Profile>);

impl Profiles {
    /// Reads both files; one that is not there has no profiles.
    pub(super) fn read(environment: &Environment) -> Self {
        let mut profiles = Self(HashMap::new());
        for (variable, file) in
            [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")]
        {
            let own = environment.get(variable).map(PathBuf::from);
            let home = || Some(PathBuf::from(environment.get("HOME")?).join(".aws").join(file));
            let content = own.or_else(home).and_then(|path| std::fs::read_to_string(path).ok());
            profiles.add(&content.unwrap_or_default());
        }
        profiles
    }

    fn add(&mut self, content: &str) {
        let mut current: Option<&mut Profile> = None;
        for line in content.lines() {
            if let Some(section) = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let name = section.0.trim();
                let name = name.strip_prefix("profile ").unwrap_or(name).trim();
                current = Some(self.0.entry(name.to_owned()).or_default());
                continue;
            }
            // Lines that begin with white space belong to settings of single services.
            let inner = line.starts_with([' ', '\t', '#', ';']);
            if let (Some((key, value)), Some(profile), false) =
                (line.split_once('='), current.as_mut(), inner)
            {
                let value = value.split(" #").next().unwrap_or_default().trim();
                profile.entry(key.trim().to_ascii_lowercase()).or_insert_with(|| value.to_owned());
            }
        }
    }

    /// Puts what a profile says into the parameters that nobody set.
    ///
    /// # Errors
    /// When the profile that was named is not there, or has only credentials that AWS's own tools fetch.
    pub(super) fn apply(
        &self,
        named: Option<&str>,
        environment: &Environment,
        parameters: &mut Parameters,
    ) -> Result<(), String> {
        let name = named.unwrap_or(DEFAULT);
        let Some(profile) = self.0.get(name) else {
            return match named {
                Some(name) => Err(format!("there is no AWS profile `{name}` in `~/.aws`")),
                None => Ok(()),
            };
        };
        let get = |key: &str| profile.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|_| parameters.get(name).is_none()) {
                parameters.set(name, Secret::new(value.to_owned()));
            }
        };
        set("aws_region_name", get("region"));
        set("aws_session_name", get("role_session_name"));
        set("aws_external_id", get("external_id"));
        if let (Some(role), Some(file)) = (get("role_arn"), get("web_identity_token_file")) {
            set("aws_web_identity_role", Some(role));
            set("aws_web_identity_token_file", Some(file));
            return Ok(());
        }
        set("aws_role_name", get("role_arn"));
        let keys = match get("source_profile").filter(|source| *source != name) {
            Some(source) => self.0.get(source).ok_or_else(|| {
                format!("the AWS profile `{name}` names a `source_profile` `{source}`, and there is none")
            })?,
            None => profile,
        };
        if get("credential_source").is_some_and(|source| source.eq_ignore_ascii_case("environment")) {
            for (parameter, variable) in [
                ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
                ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
                ("aws_session_token", "AWS_SESSION_TOKEN"),
            ] {
                set(parameter, environment.get(variable));
            }
            return Ok(());
        }
        for key in super::KEYS {
            set(key, keys.get(key).map(String::as_str));
        }
        usable(name, keys, get("credential_source").is_some())
    }
}

/// Whether a profile's credentials are here, or with the machine.
fn usable(name: &str, profile: &Profile, of_machine: bool) -> Result<(), String> {
    let foreign = ["sso_session", "sso_start_url", "credential_process", "login_session"];
    let found = foreign.into_iter().find(|key| profile.contains_key(*key));
    match found.filter(|_| !of_machine && !profile.contains_key("aws_access_key_id")) {
        Some(key) => Err(format!(
            "the AWS profile `{name}` uses `{key}`, which the gateway cannot: use keys, a role or a Bedrock API key"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &str = "[default]\naws_access_key_id = AKID1\naws_secret_access_key=secret1\nregion = eu-west-1 # here\n\
        # a comment\n[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\nexternal_id = e\n\
        s3 =\n  region = other\n[profile web]\nrole_arn=arn:w\nweb_identity_token_file=/t\n\
        [profile sso]\nsso_session = work\n[profile machine]\nrole_arn = arn:m\ncredential_source = Ec2InstanceMetadata\n";

    fn apply(named: Option<&str>) -> Result<Parameters, String> {
        let mut profiles = Profiles(HashMap::new());
        profiles.add(FILES);
        let mut parameters = Parameters::default();
        profiles.apply(named, &Environment::default(), &mut parameters)?;
        Ok(parameters)
    }

    #[test]
    fn profiles_give_keys_roles_and_regions() {
        let parameters = apply(None).expect("a profile");
        assert_eq!(parameters.get("aws_access_key_id"), Some("AKID1"));
        assert_eq!(parameters.get("aws_region_name"), Some("eu-west-1"));
        let parameters = apply(Some("role")).expect("a profile");
        assert_eq!(parameters.get("aws_role_name"), Some("arn:aws:iam::1:role/x"));
        assert_eq!(parameters.get("aws_secret_access_key"), Some("secret1"));
        assert_eq!(parameters.get("aws_external_id"), Some("e"));
        assert_eq!(parameters.get("aws_region_name"), None);
        let parameters = apply(Some("web")).expect("a profile");
        assert_eq!(parameters.get("aws_web_identity_token_file"), Some("/t"));
        assert_eq!(parameters.get("aws_web_identity_role"), Some("arn:w"));
        assert_eq!(parameters.get("aws_role_name"), None);
        let parameters = apply(Some("machine")).expect("a profile");
        assert_eq!(parameters.get("aws_role_name"), Some("arn:m"));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert_eq!(apply(Some("none")).err().as_deref(), Some("there is no AWS profile `none` in `~/.aws`"));
        assert!(apply(Some("sso")).is_err_and(|message| message.contains("`sso_session`")));
    }
}
