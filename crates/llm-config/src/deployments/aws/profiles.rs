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
        let (base, mut roles) = self.chain(name, profile)?;
        let get = |key: &str| base.get(key).map(String::as_str).filter(|value| !value.is_empty());
        if let (Some(role), Some(file)) = (get("role_arn"), get("web_identity_token_file")) {
            set(parameters, "aws_web_identity_role", Some(role));
            set(parameters, "aws_web_identity_token_file", Some(file));
            roles.retain(|role| !std::ptr::eq(*role, base));
        }
        tell_roles(profile, roles, parameters);
        let mut set = |name: &str, value: Option<&str>| set(parameters, name, value);
        set("aws_region_name", profile.get("region").map(String::as_str));
        if get("web_identity_token_file").is_some() {
            return Ok(());
        }
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
        if base.contains_key("aws_access_key_id") || get("credential_source").is_some() {
            super::KEYS.iter().for_each(|key| set(key, get(key)));
            return Ok(());
        }
        if let Some(login) = self.login(base, environment) {
            login.iter().for_each(|(name, value)| set(name, value.as_deref()));
            return Ok(());
        }
        set("aws_credential_process", get("credential_process"));
        usable(name, base)
    }

    /// The profile at the end of all `source_profile`s, whose credentials are the first, and the profiles whose roles
    /// are assumed with them, one after the other.
    fn chain<'a>(
        &'a self,
        name: &'a str,
        profile: &'a Profile,
    ) -> Result<(&'a Profile, Vec<&'a Profile>), String> {
        let (mut passed, mut base) = (vec![name], profile);
        let mut roles = Vec::new();
        loop {
            roles.extend(base.contains_key("role_arn").then_some(base));
            let last = passed.last().copied().unwrap_or_default();
            // A profile may name itself: then its own keys assume its role.
            let named = base.get("source_profile").filter(|source| !source.is_empty() && *source != last);
            let Some(source) = named else { break };
            if passed.contains(&source.as_str()) {
                return Err(format!(
                    "the AWS profile `{name}` leads back to `{source}` by its `source_profile`"
                ));
            }
            base = self.0.get(source).ok_or_else(|| {
                format!("the AWS profile `{last}` names a `source_profile` `{source}`, and there is none")
            })?;
            passed.push(source);
        }
        roles.reverse();
        Ok((base, roles))
    }

    /// What a profile says about a person's login: in a section of its own, or, in older profiles, itself.
    fn login(
        &self,
        profile: &Profile,
        environment: &Environment,
    ) -> Option<[(&'static str, Option<String>); 5]> {
        let own = |key: &str| profile.get(key).filter(|value| !value.is_empty()).cloned();
        let session = own("sso_session");
        let section = session.as_ref().and_then(|name| self.0.get(&format!("sso-session {name}")));
        let region = section.and_then(|section| section.get("sso_region").cloned());
        let home = environment.get("HOME").or_else(|| environment.get("USERPROFILE"));
        Some([
            ("aws_sso_login", Some(session.or_else(|| own("sso_start_url"))?)),
            ("aws_sso_region", region.or_else(|| own("sso_region"))),
            ("aws_sso_account_id", own("sso_account_id")),
            ("aws_sso_role_name", own("sso_role_name")),
            ("aws_sso_directory", home.map(|home| format!("{home}/.aws/sso/cache"))),
        ])
    }
}

/// Sets a parameter that nobody set.
fn set(parameters: &mut Parameters, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty() && parameters.get(name).is_none()) {
        parameters.set(name, Secret::new(value.to_owned()));
    }
}

/// The roles of profiles. The last one is the deployment's, unless it has one of its own, which comes after them.
fn tell_roles(profile: &Profile, mut roles: Vec<&Profile>, parameters: &mut Parameters) {
    if parameters.get("aws_role_name").is_none() {
        let said = |key: &str| profile.get(key).map(String::as_str);
        set(parameters, "aws_session_name", said("role_session_name"));
        set(parameters, "aws_external_id", said("external_id"));
        if roles.last().is_some_and(|last| std::ptr::eq(*last, profile)) {
            set(parameters, "aws_role_name", said("role_arn"));
            roles.pop();
        }
    }
    let named = |key: &&String| ["role_arn", "role_session_name", "external_id"].contains(&key.as_str());
    let links: Vec<HashMap<&String, &String>> = roles
        .iter()
        .map(|role| role.iter().filter(|(key, value)| named(key) && !value.is_empty()).collect())
        .collect();
    if !links.is_empty() {
        let chain = serde_json::to_string(&links).expect("texts are always valid JSON");
        set(parameters, "aws_role_chain", Some(&chain));
    }
}

/// Whether a profile without keys has other credentials than those that only AWS's own tools fetch.
fn usable(name: &str, profile: &Profile) -> Result<(), String> {
    match profile.contains_key("login_session") && !profile.contains_key("credential_process") {
        true => Err(format!(
            "the AWS profile `{name}` uses `login_session`, which the gateway cannot: use keys, a role, \
             `sso_session`, `credential_process` or a Bedrock API key"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &str = "[default]\naws_access_key_id = AKID1\naws_secret_access_key=secret1\nregion = eu-west-1 # here\n\
        # a comment\n[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\nexternal_id = e\n\
        s3 =\n  region = other\n[profile web]\nrole_arn=arn:w\nweb_identity_token_file=/t\n\
        [profile sso]\nsso_session = work\nsso_account_id = 1\nsso_role_name = reader\n\
        [sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n\
        [profile old]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n\
        [profile of-login]\nrole_arn = arn:l\nsource_profile = sso\n\
        [profile program]\ncredential_process = /opt/tool --json\n\
        [profile chain]\nrole_arn = arn:c\nsource_profile = role\n[profile browser]\nlogin_session = x\n\
        [profile circle]\nrole_arn = arn:1\nsource_profile = back\n[profile back]\nrole_arn = arn:2\nsource_profile = circle\n\
        [profile of-web]\nrole_arn = arn:o\nsource_profile = web\n\
        [profile self]\nrole_arn = arn:s\nsource_profile = self\naws_access_key_id = AKID2\naws_secret_access_key = s2\n\
        [profile machine]\nrole_arn = arn:m\ncredential_source = Ec2InstanceMetadata\n";

    fn apply(named: Option<&str>) -> Result<Parameters, String> {
        applied(named, Parameters::default())
    }

    fn applied(named: Option<&str>, mut parameters: Parameters) -> Result<Parameters, String> {
        let mut profiles = Profiles(HashMap::new());
        profiles.add(FILES);
        let environment = Environment::new(&[("HOME".to_owned(), "/of-x".to_owned())]);
        profiles.apply(named, &environment, &mut parameters)?;
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
    fn logins_and_programs_are_told_to_the_provider() {
        for (profile, login, region, role) in [
            ("sso", "work", "eu-west-1", None),
            ("old", "https://x.awsapps.com/start", "us-east-1", None),
            ("of-login", "work", "eu-west-1", Some("arn:l")),
        ] {
            let parameters = apply(Some(profile)).expect("a profile");
            assert_eq!(parameters.get("aws_sso_login"), Some(login), "{profile}");
            assert_eq!(parameters.get("aws_sso_region"), Some(region), "{profile}");
            assert_eq!(parameters.get("aws_sso_directory"), Some("/of-x/.aws/sso/cache"));
            assert_eq!(parameters.get("aws_role_name"), role, "{profile}");
        }
        assert_eq!(apply(Some("sso")).expect("a profile").get("aws_sso_role_name"), Some("reader"));
        let parameters = apply(Some("program")).expect("a profile");
        assert_eq!(parameters.get("aws_credential_process"), Some("/opt/tool --json"));
    }

    #[test]
    fn roles_of_roles_are_a_chain_that_begins_with_keys() {
        let chain = |parameters: &Parameters| {
            let chain = parameters.get("aws_role_chain").map(serde_json::from_str::<serde_json::Value>);
            chain.transpose().expect("JSON")
        };
        let first = serde_json::json!({"role_arn": "arn:aws:iam::1:role/x", "external_id": "e"});
        let parameters = apply(Some("chain")).expect("a profile");
        assert_eq!(parameters.get("aws_access_key_id"), Some("AKID1"));
        assert_eq!(chain(&parameters), Some(serde_json::json!([first])));
        assert_eq!(parameters.get("aws_role_name"), Some("arn:c"));
        assert_eq!(parameters.get("aws_external_id"), None);
        // The deployment's own role comes after those of its profile.
        let own = Parameters::from([("aws_role_name", "arn:own")]);
        let parameters = applied(Some("chain"), own).expect("a profile");
        assert_eq!(chain(&parameters), Some(serde_json::json!([first, {"role_arn": "arn:c"}])));
        assert_eq!(parameters.get("aws_role_name"), Some("arn:own"));
        let parameters = apply(Some("of-web")).expect("a profile");
        assert_eq!(parameters.get("aws_web_identity_role"), Some("arn:w"));
        assert_eq!((parameters.get("aws_role_name"), chain(&parameters)), (Some("arn:o"), None));
        let parameters = apply(Some("self")).expect("a profile");
        assert_eq!(parameters.get("aws_access_key_id"), Some("AKID2"));
        assert_eq!((parameters.get("aws_role_name"), chain(&parameters)), (Some("arn:s"), None));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert_eq!(apply(Some("none")).err().as_deref(), Some("there is no AWS profile `none` in `~/.aws`"));
        assert!(apply(Some("circle")).is_err_and(|message| message.contains("leads back to `circle`")));
        assert!(apply(Some("browser")).is_err_and(|message| message.contains("`login_session`")));
    }
}
