// Kept as `diesel print-schema` prints it; a test holds it against the migrations.

diesel::table! {
    account_deletions (user_id) {
        user_id -> Int8,
        requested_at -> Timestamptz,
    }
}

diesel::table! {
    chores (name) {
        name -> Text,
        part -> Int4,
        due_at -> Timestamptz,
        taken_until -> Timestamptz,
    }
}

diesel::table! {
    hashtag_counts (owner_id, hashtag_id) {
        owner_id -> Int8,
        hashtag_id -> Int4,
        photos -> Int8,
    }
}

diesel::table! {
    hashtags (id) {
        id -> Int4,
        name -> Text,
        listed -> Bool,
        listed_by -> Nullable<Int8>,
        shown -> Bool,
        hidden -> Bool,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> Int8,
        key -> Bytea,
        request -> Bytea,
        holder -> Uuid,
        alive_until -> Timestamptz,
        status -> Nullable<Int2>,
        location -> Nullable<Text>,
        body -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        user_id -> Int8,
        label -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    instance (id) {
        id -> Uuid,
        one -> Bool,
    }
}

diesel::table! {
    invitations (id) {
        id -> Uuid,
        secret_hash -> Bytea,
        note -> Text,
        created_by -> Nullable<Int8>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        max_uses -> Int4,
        uses -> Int4,
    }
}

diesel::table! {
    known_addresses (key) {
        key -> Bytea,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    personal_access_tokens (id) {
        id -> Uuid,
        user_id -> Int8,
        name -> Text,
        hash -> Bytea,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    photo_counts (owner_id) {
        owner_id -> Int8,
        photos -> Int8,
        bytes -> Int8,
    }
}

diesel::table! {
    photo_hashtags (owner_id, hashtag_id, taken_at, photo_id) {
        owner_id -> Int8,
        hashtag_id -> Int4,
        taken_at -> Timestamptz,
        photo_id -> Uuid,
    }
}

diesel::table! {
    photos (id) {
        id -> Uuid,
        owner_id -> Int8,
        filename -> Text,
        content_type -> Text,
        size_bytes -> Int8,
        sha256 -> Bytea,
        width -> Int4,
        height -> Int4,
        camera -> Nullable<Text>,
        title -> Text,
        visibility -> Text,
        share_token -> Nullable<Text>,
        taken_at -> Timestamptz,
        created_at -> Timestamptz,
        placeholder -> Bytea,
        renditions_version -> Int2,
        animated -> Bool,
        utc_offset_minutes -> Nullable<Int2>,
        lens -> Nullable<Text>,
        exposure_seconds -> Nullable<Float8>,
        f_number -> Nullable<Float8>,
        iso -> Nullable<Int4>,
        focal_length_mm -> Nullable<Float8>,
        latitude -> Nullable<Float8>,
        longitude -> Nullable<Float8>,
        public_copy -> Nullable<Uuid>,
        date_source -> Nullable<Text>,
    }
}

diesel::table! {
    public_copies (id) {
        id -> Uuid,
        photo_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    public_hashtag_counts (hashtag_id, owner_id) {
        hashtag_id -> Int4,
        owner_id -> Int8,
        photos -> Int8,
    }
}

diesel::table! {
    removals (photo_id) {
        photo_id -> Uuid,
        owner_id -> Int8,
        due_at -> Timestamptz,
        photo -> Nullable<Jsonb>,
        hashtag_ids -> Array<Int4>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Int8,
        user_agent -> Text,
        notice -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        refresh_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    settings (id) {
        id -> Bool,
        registration -> Text,
        quota_mib -> Nullable<Int4>,
    }
}

diesel::table! {
    strays (key) {
        key -> Text,
        found_at -> Timestamptz,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    tries (key) {
        key -> Bytea,
        times -> Array<Timestamptz>,
    }
}

diesel::table! {
    uploads (id) {
        id -> Uuid,
        owner_id -> Int8,
        filename -> Text,
        size_bytes -> Int8,
        secret_hash -> Nullable<Bytea>,
        photo_id -> Nullable<Uuid>,
        expires_at -> Timestamptz,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    users (id) {
        id -> Int8,
        username -> Text,
        email -> Text,
        full_name -> Text,
        password_hash -> Nullable<Text>,
        role -> Text,
        active -> Bool,
        created_at -> Timestamptz,
        quota_mib -> Nullable<Int4>,
        email_key -> Nullable<Text>,
    }
}

diesel::joinable!(account_deletions -> users (user_id));
diesel::joinable!(hashtag_counts -> hashtags (hashtag_id));
diesel::joinable!(hashtag_counts -> users (owner_id));
diesel::joinable!(hashtags -> users (listed_by));
diesel::joinable!(idempotency_keys -> users (user_id));
diesel::joinable!(identities -> users (user_id));
diesel::joinable!(invitations -> users (created_by));
diesel::joinable!(personal_access_tokens -> users (user_id));
diesel::joinable!(photo_counts -> users (owner_id));
diesel::joinable!(photo_hashtags -> hashtags (hashtag_id));
diesel::joinable!(photos -> users (owner_id));
diesel::joinable!(public_hashtag_counts -> hashtags (hashtag_id));
diesel::joinable!(public_hashtag_counts -> users (owner_id));
diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    account_deletions,
    chores,
    hashtag_counts,
    hashtags,
    idempotency_keys,
    identities,
    instance,
    invitations,
    known_addresses,
    personal_access_tokens,
    photo_counts,
    photo_hashtags,
    photos,
    public_copies,
    public_hashtag_counts,
    removals,
    sessions,
    settings,
    strays,
    tries,
    uploads,
    users,
);
