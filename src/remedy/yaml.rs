//! YAML as people write it: lists not indented under their key, no folded lines.

use serde_json::Value;

/// The document with its final newline.
pub(crate) fn write(value: &Value) -> String {
    write_lists(value, true)
}

/// The same with lists indented under their key, or not.
pub(crate) fn write_lists(value: &Value, compact: bool) -> String {
    let mut options = serde_saphyr::SerializerOptions::default();
    options.prefer_block_scalars = false;
    options.compact_list_indent = compact;
    match serde_saphyr::to_string_with_options(value, options) {
        Ok(text) => text,
        // A document of plain values can always be written; JSON is YAML too.
        Err(_) => format!("{value}\n"),
    }
}

/// A value on one line, `[a, b]` or `{a: b}`, with texts quoted where they need it.
pub(crate) fn write_flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(write_flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields: Vec<String> = fields
                .map(|(key, value)| format!("{}: {}", flow_text(key), write_flow(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::String(text) => flow_text(text),
        plain => plain.to_string(),
    }
}

/// Inside of brackets a comma or a bracket ends a plain text.
fn flow_text(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(safe);
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    match plain && !word {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn lists_and_flags_read_well() {
        let value = json!({"containers": [{"name": "a", "args": ["--mtu=1450"], "v": {}}]});
        assert_eq!(
            write(&value),
            "containers:\n- name: a\n  args:\n  - --mtu=1450\n  v: {}\n"
        );
        assert_eq!(
            write_flow(&value),
            r#"{containers: [{name: a, args: ["--mtu=1450"], v: {}}]}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,20}", key in "[ -~]{1,9}") {
            let value = json!({ key: [text] });
            for written in [write(&value), write_lists(&value, false), write_flow(&value)] {
                let read: Value = serde_saphyr::from_str(&written).unwrap();
                prop_assert_eq!(&read, &value, "{}", written);
            }
        }
    }
}
