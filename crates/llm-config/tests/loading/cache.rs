//! Which answers are kept, where, and for whom.

use std::time::Duration;

use llm_config::{CacheConfig, CachePlace};
use llm_core::Operation;
use llm_gateway::CacheScope;
use llm_store::Quantization;

use super::{loaded, told};

fn file(cache: &str) -> String {
    format!(
        "model_list: [{{model_name: one, litellm_params: {{model: mock/echo}}}}]\nlitellm_settings:\n  cache: true\n  \
         cache_params: {cache}\n"
    )
}

fn read(test: &str, cache: &str, variables: &[(&str, &str)]) -> CacheConfig {
    let loaded = loaded(test, &[("config.yaml", &file(cache))], variables);
    loaded.unwrap_or_else(|report| panic!("{report}")).config.cache.expect("a cache")
}

fn says(test: &str, cache: &str) -> String {
    told(test, &[("config.yaml", &file(cache))], &[])
}

#[test]
fn litellms_keys_mean_what_they_say() {
    let cache = read(
        "cache-keys",
        "{type: redis, host: os.environ/CACHE_HOST, port: '6380', password: word, db: 2, ssl: on, namespace: n, ttl: 60, \
         default_in_redis_ttl: 5, mode: default_off, scope: key, supported_call_types: [acompletion, aresponses, arerank]}",
        &[("CACHE_HOST", "cache.example")],
    );
    let CachePlace::Redis(redis) = &cache.place else { panic!("{:?}", cache.place) };
    assert_eq!(
        (redis.host.as_str(), redis.port, redis.database, redis.tls),
        ("cache.example", 6380, 2, true)
    );
    assert_eq!(redis.password.as_ref().map(|word| word.expose().as_str()), Some("word"));
    let settings = &cache.settings;
    assert_eq!((settings.scope, settings.default_on), (CacheScope::Key, false));
    assert_eq!((settings.namespace.as_deref(), settings.life), (Some("n"), Some(Duration::from_secs(60))));
    assert_eq!(settings.operations, [Operation::Chat, Operation::Rerank]);
    assert_eq!(settings.semantic, None);
}

#[test]
fn what_nobody_says_is_the_usual() {
    let cache = read("cache-usual", "{}", &[]);
    assert_eq!(cache.place, CachePlace::Memory { most_bytes: 128 << 20 });
    assert_eq!((cache.settings.scope, cache.settings.life), (CacheScope::Team, None));
    let disk =
        read("cache-disk", "{type: disk, default_in_memory_ttl: 5}", &[("LLM_DATA_DIRECTORY", "/data")]);
    assert_eq!(disk.place, CachePlace::Disk { folder: "/data".into(), most_bytes: 1024 << 20 });
    assert_eq!(disk.settings.life, Some(Duration::from_secs(5)));
    let redis = read("cache-router", "{type: redis}", &[("REDIS_HOST", "other.example")]);
    assert!(matches!(&redis.place, CachePlace::Redis(redis) if redis.host == "other.example"));
    let semantic =
        "{type: local-semantic, redis_semantic_cache_embedding_model: one, similarity_threshold: 0.8}";
    let semantic = read("cache-semantic", semantic, &[]).settings.semantic.expect("a model");
    assert_eq!((semantic.model.as_str(), semantic.threshold), ("one", 0.8));
}

#[test]
fn qdrant_and_buckets_are_named_as_litellm_names_them() {
    let cache = read(
        "cache-qdrant-keys",
        "{type: qdrant-semantic, qdrant_api_base: os.environ/Q, qdrant_collection_name: kept, \
         qdrant_quantization_config: scalar, qdrant_semantic_cache_embedding_model: one, \
         qdrant_semantic_cache_vector_size: 768, similarity_threshold: 0.8, default_in_redis_ttl: 9}",
        &[("Q", "https://q.example:6333/"), ("QDRANT_API_KEY", "qk-1")],
    );
    let CachePlace::Qdrant(qdrant) = &cache.place else { panic!("{:?}", cache.place) };
    assert_eq!((qdrant.url.as_str(), qdrant.collection.as_str()), ("https://q.example:6333", "kept"));
    assert_eq!((qdrant.vector_size, qdrant.quantization), (Some(768), Quantization::Scalar));
    assert_eq!(qdrant.key.as_ref().map(|key| key.expose().as_str()), Some("qk-1"));
    let semantic = cache.settings.semantic.expect("a model");
    assert_eq!((semantic.model.as_str(), semantic.threshold), ("one", 0.8));
    assert_eq!(cache.settings.life, Some(Duration::from_secs(9)));
    let of_variables = "{type: qdrant-semantic, qdrant_collection_name: c, embedding_model: one}";
    let cache = read("cache-qdrant-env", of_variables, &[("QDRANT_API_BASE", "http://q:6333")]);
    assert!(
        matches!(&cache.place, CachePlace::Qdrant(qdrant) if qdrant.url == "http://q:6333" && qdrant.key.is_none())
    );

    let cache = read(
        "cache-s3-keys",
        "{type: s3, s3_bucket_name: b, s3_region_name: eu-west-1, s3_path: /mine/, s3_aws_access_key_id: id, \
         s3_aws_secret_access_key: word, socket_timeout: 5}",
        &[],
    );
    let CachePlace::Objects { bucket, timeout } = &cache.place else { panic!("{:?}", cache.place) };
    let (url, prefix) = ("https://b.s3.eu-west-1.amazonaws.com", "mine/");
    assert_eq!((bucket.url.as_str(), bucket.prefix.as_str()), (url, prefix));
    assert_eq!(*timeout, Duration::from_secs(5));
    assert!(!format!("{:?}", cache.place).contains("word"));
}

#[test]
fn what_cannot_be_meant_says_so_and_what_to_do() {
    for (test, cache, words) in [
        (
            "cache-gcs",
            "{type: gcs}",
            ["there is no cache of the type `gcs` here", "`qdrant-semantic` or `s3`"],
        ),
        ("cache-exact-qdrant", "{type: qdrant}", ["no cache of the type `qdrant` here", "`qdrant-semantic`"]),
        ("cache-semantic-s3", "{type: s3-semantic}", ["no cache of the type `s3-semantic` here", "or `s3`"]),
        ("cache-qdrant", "{type: qdrant-semantic}", ["no http or https address", "set `qdrant_api_base`"]),
        (
            "cache-collection",
            "{type: qdrant-semantic, qdrant_api_base: 'http://q:6333'}",
            ["nobody names a collection", "set `qdrant_collection_name`"],
        ),
        (
            "cache-collection-name",
            "{type: qdrant-semantic, qdrant_api_base: 'http://q:6333', qdrant_collection_name: a/b}",
            ["letters that no collection should have", "use letters"],
        ),
        ("cache-s3", "{type: s3}", ["as objects: there is no bucket", "set `s3_bucket_name`"]),
        ("cache-nowhere", "{type: redis}", ["nobody says where it is", "set `host` or `url`"]),
        ("cache-vectors", "{type: disk-semantic}", ["which model makes vectors", "set `embedding_model`"]),
        (
            "cache-far",
            "{type: local-semantic, embedding_model: one, similarity_threshold: 80}",
            ["`similarity_threshold` must be between 0 and 1", "error"],
        ),
        (
            "cache-kinds",
            "{supported_call_types: [acompletion, atranscription]}",
            ["calls of the type `atranscription` are not kept", "warning"],
        ),
        ("cache-bucket", "{s3_verify: false}", ["`s3_verify`", "not supported yet"]),
    ] {
        let said = says(test, cache);
        assert!(words.iter().all(|word| said.contains(word)), "{test}: {said}");
    }
    let off = file("{}").replace("cache: true", "cache: false");
    let off = told("cache-without", &[("config.yaml", &off)], &[]);
    assert!(off.contains("`cache_params` has no effect: no answers are kept"), "{off}");
}
