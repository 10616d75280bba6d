//! Documents of which two sides changed something.

use serde_json::{Map, Value};

/// Puts into `ours` what changed from `before` to `now`; the rest of it stays as it is.
pub(super) fn merge(ours: &mut Value, before: &Value, now: &Value) {
    if before == now {
        return;
    }
    match (ours, before, now) {
        (Value::Object(ours), Value::Object(before), Value::Object(now)) => fields(ours, before, now),
        (ours, _, now) => ours.clone_from(now),
    }
}

fn fields(ours: &mut Map<String, Value>, before: &Map<String, Value>, now: &Map<String, Value>) {
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        ours.remove(name);
    }
    for (name, value) in now {
        match (ours.get_mut(name), before.get(name)) {
            (Some(place), Some(before)) => merge(place, before, value),
            // It was taken away here, and did not change there.
            (None, Some(before)) if before == value => {}
            _ => {
                ours.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_there_comes_over_and_the_rest_stays() {
        let before = json!({"alias": "a", "terms": {"rpm": 1, "models": ["x"]}, "gone": 1, "dropped": 1});
        let mut ours = json!({"alias": "ours", "terms": {"rpm": 9, "tpm": 5, "models": ["x"]}, "gone": 1});
        let now = json!({"alias": "a", "terms": {"rpm": 1, "models": ["y"]}, "new": true, "dropped": 1});
        merge(&mut ours, &before, &now);
        let expected = json!({"alias": "ours", "terms": {"rpm": 9, "tpm": 5, "models": ["y"]}, "new": true});
        assert_eq!(ours, expected);
        merge(&mut ours, &now, &now);
        assert_eq!(ours, expected, "nothing changed");
    }
}
