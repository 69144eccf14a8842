--
-- PostgreSQL database dump
--

\restrict N1jtkNQRDXXtxAibKBZPyq5JD3PdhB2vKbZ1WT95WRnC6Cu7iiYkhwR624UroG4

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: access_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.access_keys (
    writer_id bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    reader_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    eak bytea NOT NULL,
    authorizer_id bytea NOT NULL,
    format text NOT NULL,
    suite text NOT NULL,
    created bigint NOT NULL
);


--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    account_id bytea NOT NULL,
    "position" bigint NOT NULL,
    region text NOT NULL,
    email_key bytea NOT NULL,
    email bytea NOT NULL,
    name bytea NOT NULL,
    salt_auth bytea NOT NULL,
    salt_enc bytea NOT NULL,
    salt_paper_auth bytea NOT NULL,
    salt_paper_enc bytea NOT NULL,
    signing_key text NOT NULL,
    paper_signing_key text NOT NULL,
    company bytea NOT NULL,
    plan bytea NOT NULL,
    public_key text NOT NULL,
    account_signing_key text NOT NULL,
    queen_id bytea NOT NULL,
    meta bytea,
    created bigint NOT NULL,
    tokens_valid_after bigint NOT NULL,
    kept_token bigint
);


--
-- Name: agreements; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agreements (
    name text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.attempts (
    place bigint NOT NULL,
    attempts bigint NOT NULL,
    last bigint NOT NULL
);


--
-- Name: audit_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_entries (
    "position" bigint NOT NULL,
    region text NOT NULL,
    at bigint NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    about text NOT NULL,
    previous bytea NOT NULL,
    digest bytea NOT NULL
);


--
-- Name: audit_salts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_salts (
    kind bigint NOT NULL,
    subject_id bytea NOT NULL,
    region text NOT NULL,
    salt bytea NOT NULL
);


--
-- Name: changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.changes (
    sequence bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    actor_id bytea,
    client_id bytea,
    other_id bytea,
    record_type bytea,
    record_id bytea,
    version bytea,
    note_id bytea,
    group_id bytea
);


--
-- Name: clients; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clients (
    client_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    api_key_id bytea NOT NULL,
    api_secret_hash bytea NOT NULL,
    name bytea NOT NULL,
    kind bytea NOT NULL,
    public_key text NOT NULL,
    signing_key text NOT NULL,
    enabled boolean NOT NULL,
    has_backup boolean NOT NULL,
    registered_with bytea,
    created bigint NOT NULL,
    tokens_valid_after bigint NOT NULL
);


--
-- Name: erasures; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.erasures (
    client_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    changes_read bigint NOT NULL
);


--
-- Name: grants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.grants (
    writer_id bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    client_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    can_read boolean NOT NULL,
    can_edit boolean NOT NULL,
    can_authorize boolean NOT NULL,
    granted_by bytea NOT NULL,
    created bigint NOT NULL
);


--
-- Name: group_members; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_members (
    group_id bytea NOT NULL,
    client_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    group_position bigint NOT NULL,
    membership_key bytea NOT NULL,
    authorizer_id bytea NOT NULL,
    authorizer_keys text NOT NULL,
    can_edit boolean NOT NULL,
    can_manage boolean NOT NULL,
    can_read boolean NOT NULL,
    can_share boolean NOT NULL,
    created bigint NOT NULL
);


--
-- Name: group_shares; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_shares (
    writer_id bytea NOT NULL,
    record_type bytea NOT NULL,
    group_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    key_id bytea NOT NULL,
    eak bytea NOT NULL,
    can_edit boolean NOT NULL,
    created bigint NOT NULL
);


--
-- Name: groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.groups (
    group_id bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    name bytea NOT NULL,
    description bytea NOT NULL,
    public_key bytea NOT NULL,
    creator_key bytea NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL
);


--
-- Name: holds; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.holds (
    hold_id bytea NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL,
    expires bigint
);


--
-- Name: hook_cursor; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hook_cursor (
    id bigint NOT NULL,
    sequence bigint NOT NULL
);


--
-- Name: hook_deliveries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hook_deliveries (
    "position" bigint NOT NULL,
    delivery_id bytea NOT NULL,
    hook bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    body bytea NOT NULL,
    created bigint NOT NULL,
    attempts bigint NOT NULL,
    due bigint NOT NULL
);


--
-- Name: hooks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hooks (
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    url bytea NOT NULL,
    triggers bytea NOT NULL,
    nonce bytea NOT NULL,
    created bigint NOT NULL,
    failures bigint NOT NULL,
    wakes bigint
);


--
-- Name: login_challenges; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_challenges (
    hash bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    expires bigint NOT NULL
);


--
-- Name: meta; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meta (
    id bigint NOT NULL,
    store_id bytea NOT NULL,
    last_stamp bigint NOT NULL,
    last_record_index bigint NOT NULL,
    last_position bigint NOT NULL
);


--
-- Name: note_uses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.note_uses (
    note_id bytea NOT NULL,
    views bigint NOT NULL,
    last_read bigint,
    gone bigint,
    code_hash bytea,
    code_expires bigint,
    mail_code_hash bytea,
    mail_code_expires bigint,
    wrong_mail_codes bigint NOT NULL,
    mails_sent bigint NOT NULL,
    last_mail bigint,
    strangers_bytes bigint
);


--
-- Name: notes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notes (
    note_id bytea NOT NULL,
    "position" bigint NOT NULL,
    name bytea,
    client_id bytea,
    account_id bytea,
    region text NOT NULL,
    recipient_key bytea NOT NULL,
    writer_key bytea NOT NULL,
    mode bytea NOT NULL,
    note_type bytea NOT NULL,
    writer_encryption_key bytea NOT NULL,
    encrypted_access_key bytea NOT NULL,
    signature bytea NOT NULL,
    plain text NOT NULL,
    file_meta text NOT NULL,
    policies text NOT NULL,
    max_views bigint,
    expiration bigint,
    expires boolean NOT NULL,
    record_id bytea,
    is_secret boolean NOT NULL,
    format text NOT NULL,
    suite text NOT NULL,
    created bigint NOT NULL,
    data text NOT NULL,
    file_key bytea,
    file_bytes bigint,
    file_checksum bytea,
    file_compression bytea
);


--
-- Name: pending_files; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pending_files (
    pending_id bytea NOT NULL,
    "position" bigint NOT NULL,
    client_id bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    writer_id bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    signature bytea,
    record_id bytea,
    version bytea,
    expires bigint NOT NULL,
    file_key bytea,
    file_bytes bigint NOT NULL,
    file_checksum bytea NOT NULL,
    file_compression bytea NOT NULL,
    plain text NOT NULL,
    data text NOT NULL,
    note text
);


--
-- Name: record_grants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.record_grants (
    record_id bytea NOT NULL,
    client_id bytea NOT NULL,
    "position" bigint NOT NULL,
    writer_id bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    granted_by bytea NOT NULL,
    created bigint NOT NULL
);


--
-- Name: record_terms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.record_terms (
    writer_id bytea NOT NULL,
    kind smallint NOT NULL,
    name bytea NOT NULL,
    value bytea NOT NULL,
    record_index bigint NOT NULL
);


--
-- Name: record_types; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.record_types (
    writer_id bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    format text NOT NULL,
    suite text NOT NULL,
    created bigint NOT NULL
);


--
-- Name: records; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.records (
    writer_id bytea NOT NULL,
    record_index bigint NOT NULL,
    record_id bytea NOT NULL,
    version bytea NOT NULL,
    user_id bytea NOT NULL,
    record_type bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    format text NOT NULL,
    suite text NOT NULL,
    created bigint NOT NULL,
    last_modified bigint NOT NULL,
    signature bytea,
    plain text NOT NULL,
    data text NOT NULL,
    file_key bytea,
    file_bytes bigint,
    file_checksum bytea,
    file_compression bytea
);


--
-- Name: registration_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.registration_tokens (
    hash bytea NOT NULL,
    "position" bigint NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    sealed bytea NOT NULL,
    name bytea,
    permissions bytea NOT NULL,
    total_uses_allowed bigint,
    uses bigint NOT NULL,
    created bigint NOT NULL
);


--
-- Name: sealed_bundle_heads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_bundle_heads (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_bundles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_bundles (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_entries (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_epochs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_epochs (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_exposures; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_exposures (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_fields; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_fields (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_grants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_grants (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_links; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_links (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_log_states; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_log_states (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_logs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_logs (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_named; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_named (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_record_order; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_record_order (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_records; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_records (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_shares; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_shares (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_stage_wraps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_stage_wraps (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_stages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_stages (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: sealed_wraps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sealed_wraps (
    owner_id bytea NOT NULL,
    key bytea NOT NULL,
    account_id bytea NOT NULL,
    region text NOT NULL,
    value bytea NOT NULL
);


--
-- Name: signed_request_floors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signed_request_floors (
    signer bytea NOT NULL,
    floor bigint NOT NULL
);


--
-- Name: signed_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signed_requests (
    signer bytea NOT NULL,
    signed bigint NOT NULL,
    name bytea NOT NULL,
    noted_by bytea NOT NULL
);


--
-- Name: tozstore_locks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tozstore_locks (
    id bigint NOT NULL
);


--
-- Name: tozstore_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tozstore_versions (
    version bigint NOT NULL,
    applied bigint NOT NULL
);


--
-- Name: unclaimed_blobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.unclaimed_blobs (
    file_key bytea NOT NULL,
    due bigint NOT NULL
);


--
-- Name: usages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.usages (
    kind bigint NOT NULL,
    owner_id bytea NOT NULL,
    region text NOT NULL,
    records bigint NOT NULL,
    bytes bigint NOT NULL,
    files bigint NOT NULL,
    most_records bigint,
    most_bytes bigint,
    most_files bigint
);


--
-- Data for Name: access_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.access_keys VALUES ('\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x03030303030303030303030303030303', 6, '\x01010101010101010101010101010101', 'local', '\x746578742e6e6f6e6365', '\x02020202020202020202020202020202', 'interop', 'sodium-1', 1700000000000003);


--
-- Data for Name: accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.accounts VALUES ('\x01010101010101010101010101010101', 1, 'local', '\x736f6d656f6e65406578616d706c652e636f6d', '\x536f6d656f6e65404578616d706c652e636f6d', '\x4e616d6520f09f9880', '\x61', '\x62', '\x63', '\x64', '{"p384":"signing"}', '{"p384":"paper"}', '\x436f6d70616e79', '\x6672656530', '{"p384":"public"}', '{}', '\x02020202020202020202020202020202', '\x7b226b223a2276227d', 1700000000000002, 1700000000000003, NULL);


--
-- Data for Name: agreements; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.agreements VALUES ('golden', '\x1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a');


--
-- Data for Name: attempts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attempts VALUES (25, 2, 3);


--
-- Data for Name: audit_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_entries VALUES (1, 'local', 1700000000000041, 'account_created', 'account:073064b9ba1841118474eb0d68c0e547', 'account=073064b9ba1841118474eb0d68c0e547', '\x0000000000000000000000000000000000000000000000000000000000000000', '\xd62fb495b01fb27490d1c3ddf403cdc2238a1801454517e1ea365ebdb52e6362');
INSERT INTO public.audit_entries VALUES (2, 'local', 1700000000000042, 'access_key_put', 'client:a45f3fe5061ed5d201a8c69ed6b997e7', 'account=073064b9ba1841118474eb0d68c0e547 client=a45f3fe5061ed5d201a8c69ed6b997e7 other=1df9849f3dd97803d164f53ff156d089 type=605f06c2e789b7a81fe563137fc61f72', '\xd62fb495b01fb27490d1c3ddf403cdc2238a1801454517e1ea365ebdb52e6362', '\xe663e00fbf493c14bab38d941be018892592776d4d8489cd8639a8f86337ad46');
INSERT INTO public.audit_entries VALUES (3, 'local', 1700000000000043, 'client_deleted', 'client:a45f3fe5061ed5d201a8c69ed6b997e7', 'account=073064b9ba1841118474eb0d68c0e547 client=23c2da0c99fced06f9882cad4480c659', '\xe663e00fbf493c14bab38d941be018892592776d4d8489cd8639a8f86337ad46', '\x47d564084ae06139efe1a1fdd0ff1937689252568d99988b979a2db9b7af63e4');
INSERT INTO public.audit_entries VALUES (4, 'local', 1700000000000044, 'quota_set', 'operator', 'account=073064b9ba1841118474eb0d68c0e547 records=1000', '\x47d564084ae06139efe1a1fdd0ff1937689252568d99988b979a2db9b7af63e4', '\x846c4e6c16fdc308eb7726f9180a51dacb44801958fa5bcc949bf1ea062fe9f7');


--
-- Data for Name: audit_salts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_salts VALUES (1, '\x01010101010101010101010101010101', 'local', '\x13e0ddd4105db52dfb2730dd0757988df95f3bcf47b6ba364986cb077cf37917');
INSERT INTO public.audit_salts VALUES (2, '\x02020202020202020202020202020202', 'local', '\xf0ff2c6bd58a1f8f08876fcdeb0ac20da5942067a7dca02aea8af6ae7348789b');
INSERT INTO public.audit_salts VALUES (2, '\x03030303030303030303030303030303', 'local', '\x5003db8eae0ede57e222f88cdf914a7438603b84f6a02e5564eaaf9cc4e38b58');
INSERT INTO public.audit_salts VALUES (2, '\x04040404040404040404040404040404', 'local', '\x134acb875dc3a7e8291a6f08f35dbc75e2a56d86eadeeb1e2c837830fa71c14b');


--
-- Data for Name: changes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.changes VALUES (8, '\x01010101010101010101010101010101', 'local', 1700000000000002, 'record_written', NULL, NULL, NULL, NULL, '\x11111111111111111111111111111111', '\x21212121212121212121212121212121', NULL, NULL);
INSERT INTO public.changes VALUES (9, '\x01010101010101010101010101010101', 'local', 1700000000000003, 'record_written', NULL, NULL, NULL, NULL, '\x12121212121212121212121212121212', '\x22222222222222222222222222222222', NULL, NULL);
INSERT INTO public.changes VALUES (10, '\x01010101010101010101010101010101', 'local', 1700000000000004, 'record_written', NULL, NULL, NULL, NULL, '\x13131313131313131313131313131313', '\x23232323232323232323232323232323', NULL, NULL);
INSERT INTO public.changes VALUES (22, '\x01010101010101010101010101010101', 'local', 1700000000000041, 'account_created', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.changes VALUES (23, '\x01010101010101010101010101010101', 'local', 1700000000000042, 'access_key_put', '\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x03030303030303030303030303030303', '\x6e6f74652f66c3bc7220616c6c65', NULL, NULL, NULL, NULL);
INSERT INTO public.changes VALUES (24, '\x01010101010101010101010101010101', 'local', 1700000000000043, 'client_deleted', '\x02020202020202020202020202020202', '\x04040404040404040404040404040404', NULL, NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients VALUES ('\x02020202020202020202020202020202', 3, '\x01010101010101010101010101010101', 'local', '\x6b6579206f6620717565656e', '\x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c', '\x717565656e', '\x67656e6572616c', '{"p384":"public"}', '{"p384":"signing"}', true, true, NULL, 1700000000000005, 1700000000000005);
INSERT INTO public.clients VALUES ('\x03030303030303030303030303030303', 4, '\x01010101010101010101010101010101', 'local', '\x6b6579206f6620726561646572', '\x0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b', '\x726561646572', '\x67656e6572616c', '{"p384":"public"}', '{"p384":"signing"}', true, true, '\x0505050505050505050505050505050505050505050505050505050505050505', 1700000000000005, 1700000000000005);


--
-- Data for Name: erasures; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.erasures VALUES ('\x04040404040404040404040404040404', 25, '\x01010101010101010101010101010101', 'local', 0);


--
-- Data for Name: grants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.grants VALUES ('\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x03030303030303030303030303030303', 7, '\x01010101010101010101010101010101', 'local', true, false, true, '\x02020202020202020202020202020202', 1700000000000004);


--
-- Data for Name: group_members; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.group_members VALUES ('\x40404040404040404040404040404040', '\x03030303030303030303030303030303', 15, '\x01010101010101010101010101010101', 'local', 14, '\x6b6579', '\x02020202020202020202020202020202', '{"p384":"authorizer"}', false, true, true, false, 1700000000000008);


--
-- Data for Name: group_shares; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.group_shares VALUES ('\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x40404040404040404040404040404040', 16, '\x01010101010101010101010101010101', 'local', '\x08080808080808080808080808080808', '\x746578742e6e6f6e6365', true, 1700000000000009);


--
-- Data for Name: groups; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.groups VALUES ('\x40404040404040404040404040404040', 14, '\x01010101010101010101010101010101', 'local', '\x67726f7570', '\x7768617420697420697320666f72', '\x7075626c6963', '\x746578742e6e6f6e6365', 1700000000000006, 1700000000000007);


--
-- Data for Name: holds; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.holds VALUES ('\x17171717171717171717171717171717', 'files', 'a backup', 1700000000000021);


--
-- Data for Name: hook_cursor; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.hook_cursor VALUES (1, 2);


--
-- Data for Name: hook_deliveries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.hook_deliveries VALUES (18, '\x0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a', 17, '\x01010101010101010101010101010101', 'local', '\x7b7d', 1700000000000011, 0, 1700000000000012);


--
-- Data for Name: hooks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.hooks VALUES (17, '\x01010101010101010101010101010101', 'local', '\x68747470733a2f2f6578616d706c652e636f6d2f686f6f6b', '\x5b5d', '\x09090909090909090909090909090909', 1700000000000010, 0, 1700000000000012);


--
-- Data for Name: login_challenges; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.login_challenges VALUES ('\x1515151515151515151515151515151515151515151515151515151515151515', 19, '\x01010101010101010101010101010101', 'local', 1700000000000031);


--
-- Data for Name: meta; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.meta VALUES (1, '\xa3009c936c714a9f8aac6651794944a1', 0, 3, 25);


--
-- Data for Name: note_uses; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.note_uses VALUES ('\x31313131313131313131313131313131', 2, 1700000000000010, NULL, '\x0606060606060606060606060606060606060606060606060606060606060606', 1700000000000011, NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.note_uses VALUES ('\x32323232323232323232323232323232', 2, 1700000000000010, NULL, '\x0606060606060606060606060606060606060606060606060606060606060606', 1700000000000011, NULL, NULL, 0, 0, NULL, 60);


--
-- Data for Name: notes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.notes VALUES ('\x31313131313131313131313131313131', 12, '\x6e6f74652031', '\x02020202020202020202020202020202', '\x01010101010101010101010101010101', 'local', '\x9fe7029193d828a0ff693772c1276f01216f5f67df9964f2d5b07b6e3ea91149', '\x9fe7029193d828a0ff693772c1276f01216f5f67df9964f2d5b07b6e3ea91149', '\x536f6469756d', '\x74797065', '\x777269746572', '\x77726170706564', '\x7369676e6564', '{"a":"b"}', '{}', '{"tozny_otp_eacp":{"include":true}}', 5, 1700000001000001, true, '\x11111111111111111111111111111111', true, 'interop', 'sodium-1', 1700000000000002, '{"field":"sealed"}', '\x02020202020202020202020202020202', 4294967296, '\x02020202020202020202020202020202', '\x726177');
INSERT INTO public.notes VALUES ('\x32323232323232323232323232323232', 13, NULL, NULL, NULL, 'local', '\x9fe7029193d828a0ff693772c1276f01216f5f67df9964f2d5b07b6e3ea91149', '\x9fe7029193d828a0ff693772c1276f01216f5f67df9964f2d5b07b6e3ea91149', '\x536f6469756d', '\x74797065', '\x777269746572', '\x77726170706564', '\x7369676e6564', '{"a":"b"}', '{}', '{}', 5, 1700000001000001, true, '\x11111111111111111111111111111111', true, 'interop', 'sodium-1', 1700000000000003, '{"field":"sealed"}', NULL, NULL, NULL, NULL);


--
-- Data for Name: pending_files; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pending_files VALUES ('\x18181818181818181818181818181818', 20, '\x02020202020202020202020202020202', '\x01010101010101010101010101010101', 'local', '\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x7369676e6174757265', '\x11111111111111111111111111111111', '\x21212121212121212121212121212121', 1700000000000031, NULL, 4294967296, '\x01010101010101010101010101010101', '\x726177', '{"z":"1","color":"red"}', '{"field":"1"}', NULL);


--
-- Data for Name: record_grants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.record_grants VALUES ('\x11111111111111111111111111111111', '\x03030303030303030303030303030303', 11, '\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x01010101010101010101010101010101', 'local', '\x02020202020202020202020202020202', 1700000000000005);


--
-- Data for Name: record_terms; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x636f6c6f72', '\x726564', 1);
INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x7a', '\x31', 1);
INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x636f6c6f72', '\x726564', 2);
INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x7a', '\x32', 2);
INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x636f6c6f72', '\x726564', 3);
INSERT INTO public.record_terms VALUES ('\x02020202020202020202020202020202', 1, '\x7a', '\x33', 3);


--
-- Data for Name: record_types; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.record_types VALUES ('\x02020202020202020202020202020202', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', 5, '\x01010101010101010101010101010101', 'local', 'interop', 'sodium-1', 1700000000000002);


--
-- Data for Name: records; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.records VALUES ('\x02020202020202020202020202020202', 1, '\x11111111111111111111111111111111', '\x21212121212121212121212121212121', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x01010101010101010101010101010101', 'local', 'interop', 'sodium-1', 1700000000000002, 1700000000000002, '\x7369676e6174757265', '{"z":"1","color":"red"}', '{"field":"1"}', NULL, NULL, NULL, NULL);
INSERT INTO public.records VALUES ('\x02020202020202020202020202020202', 2, '\x12121212121212121212121212121212', '\x22222222222222222222222222222222', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x01010101010101010101010101010101', 'local', 'interop', 'sodium-1', 1700000000000003, 1700000000000003, '\x7369676e6174757265', '{"z":"2","color":"red"}', '{"field":"2"}', NULL, NULL, NULL, NULL);
INSERT INTO public.records VALUES ('\x02020202020202020202020202020202', 3, '\x13131313131313131313131313131313', '\x23232323232323232323232323232323', '\x02020202020202020202020202020202', '\x6e6f74652f66c3bc7220616c6c65', '\x01010101010101010101010101010101', 'local', 'interop', 'sodium-1', 1700000000000004, 1700000000000004, '\x7369676e6174757265', '{"z":"3","color":"red"}', '{"field":"3"}', '\x01010101010101010101010101010101', 4294967296, '\x01010101010101010101010101010101', '\x726177');


--
-- Data for Name: registration_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.registration_tokens VALUES ('\x0505050505050505050505050505050505050505050505050505050505050505', 2, '\x01010101010101010101010101010101', 'local', '\x7365616c6564', '\x746f6b656e', '\x7b22656e61626c6564223a747275657d', 7, 0, 1700000000000004);


--
-- Data for Name: sealed_bundle_heads; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_bundle_heads VALUES ('\x02020202020202020202020202020202', '\x6b000001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_bundle_heads VALUES ('\x02020202020202020202020202020202', '\x6b000002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_bundles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_bundles VALUES ('\x02020202020202020202020202020202', '\x6b010001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_bundles VALUES ('\x02020202020202020202020202020202', '\x6b010002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_entries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_entries VALUES ('\x02020202020202020202020202020202', '\x6b020001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_entries VALUES ('\x02020202020202020202020202020202', '\x6b020002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_epochs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_epochs VALUES ('\x02020202020202020202020202020202', '\x6b030001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_epochs VALUES ('\x02020202020202020202020202020202', '\x6b030002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_exposures; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_exposures VALUES ('\x02020202020202020202020202020202', '\x6b040001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_exposures VALUES ('\x02020202020202020202020202020202', '\x6b040002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_fields; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_fields VALUES ('\x02020202020202020202020202020202', '\x6b050001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_fields VALUES ('\x02020202020202020202020202020202', '\x6b050002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_grants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_grants VALUES ('\x02020202020202020202020202020202', '\x6b060001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_grants VALUES ('\x02020202020202020202020202020202', '\x6b060002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_links; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_links VALUES ('\x02020202020202020202020202020202', '\x6b070001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_links VALUES ('\x02020202020202020202020202020202', '\x6b070002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_log_states; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_log_states VALUES ('\x02020202020202020202020202020202', '\x6b080001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_log_states VALUES ('\x02020202020202020202020202020202', '\x6b080002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_logs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_logs VALUES ('\x02020202020202020202020202020202', '\x6b090001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_logs VALUES ('\x02020202020202020202020202020202', '\x6b090002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_named; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_named VALUES ('\x02020202020202020202020202020202', '\x6b0a0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_named VALUES ('\x02020202020202020202020202020202', '\x6b0a0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_record_order; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_record_order VALUES ('\x02020202020202020202020202020202', '\x6b0b0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_record_order VALUES ('\x02020202020202020202020202020202', '\x6b0b0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_records; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_records VALUES ('\x02020202020202020202020202020202', '\x6b0c0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_records VALUES ('\x02020202020202020202020202020202', '\x6b0c0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_shares; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_shares VALUES ('\x02020202020202020202020202020202', '\x6b0d0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_shares VALUES ('\x02020202020202020202020202020202', '\x6b0d0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_stage_wraps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_stage_wraps VALUES ('\x02020202020202020202020202020202', '\x6b0e0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_stage_wraps VALUES ('\x02020202020202020202020202020202', '\x6b0e0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_stages; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_stages VALUES ('\x02020202020202020202020202020202', '\x6b0f0001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_stages VALUES ('\x02020202020202020202020202020202', '\x6b0f0002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: sealed_wraps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sealed_wraps VALUES ('\x02020202020202020202020202020202', '\x6b100001ff', '\x01010101010101010101010101010101', 'local', '\x01010101010101010101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO public.sealed_wraps VALUES ('\x02020202020202020202020202020202', '\x6b100002ff', '\x01010101010101010101010101010101', 'local', '\x0202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202');


--
-- Data for Name: signed_request_floors; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signed_request_floors VALUES ('\x1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b', 2);


--
-- Data for Name: signed_requests; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signed_requests VALUES ('\x1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b', 3, '\x03030303030303030303030303030303', '\x2a9c5ba9aaada2ab');


--
-- Data for Name: tozstore_locks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tozstore_locks VALUES (1);
INSERT INTO public.tozstore_locks VALUES (2);


--
-- Data for Name: tozstore_versions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tozstore_versions VALUES (0, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (1, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (2, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (3, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (4, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (5, 1700000000000001);
INSERT INTO public.tozstore_versions VALUES (6, 1700000000000001);


--
-- Data for Name: unclaimed_blobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.unclaimed_blobs VALUES ('\x16161616161616161616161616161616', 1700000000000032);


--
-- Data for Name: usages; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.usages VALUES (2, '\x02020202020202020202020202020202', 'local', 3, 4294967431, 1, NULL, NULL, NULL);
INSERT INTO public.usages VALUES (1, '\x01010101010101010101010101010101', 'local', 3, 4294967431, 1, 1000, NULL, 7);


--
-- Name: access_keys access_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pkey PRIMARY KEY (writer_id, user_id, record_type, reader_id);


--
-- Name: accounts accounts_email_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_email_key_key UNIQUE (email_key);


--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);


--
-- Name: agreements agreements_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agreements
    ADD CONSTRAINT agreements_pkey PRIMARY KEY (name);


--
-- Name: attempts attempts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (place);


--
-- Name: audit_entries audit_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY ("position");


--
-- Name: audit_salts audit_salts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_salts
    ADD CONSTRAINT audit_salts_pkey PRIMARY KEY (subject_id, kind);


--
-- Name: changes changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (sequence);


--
-- Name: clients clients_api_key_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_api_key_id_key UNIQUE (api_key_id);


--
-- Name: clients clients_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (client_id);


--
-- Name: erasures erasures_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (client_id);


--
-- Name: grants grants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (writer_id, user_id, record_type, client_id);


--
-- Name: group_members group_members_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_members
    ADD CONSTRAINT group_members_pkey PRIMARY KEY (group_id, client_id);


--
-- Name: group_shares group_shares_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_shares
    ADD CONSTRAINT group_shares_pkey PRIMARY KEY (writer_id, record_type, group_id);


--
-- Name: groups groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (group_id);


--
-- Name: holds holds_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (hold_id);


--
-- Name: hook_cursor hook_cursor_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook_cursor
    ADD CONSTRAINT hook_cursor_pkey PRIMARY KEY (id);


--
-- Name: hook_deliveries hook_deliveries_delivery_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_delivery_id_key UNIQUE (delivery_id);


--
-- Name: hook_deliveries hook_deliveries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hook_deliveries
    ADD CONSTRAINT hook_deliveries_pkey PRIMARY KEY ("position");


--
-- Name: hooks hooks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hooks
    ADD CONSTRAINT hooks_pkey PRIMARY KEY ("position");


--
-- Name: login_challenges login_challenges_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_challenges
    ADD CONSTRAINT login_challenges_pkey PRIMARY KEY (hash);


--
-- Name: meta meta_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (id);


--
-- Name: note_uses note_uses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.note_uses
    ADD CONSTRAINT note_uses_pkey PRIMARY KEY (note_id);


--
-- Name: notes notes_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_name_key UNIQUE (name);


--
-- Name: notes notes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (note_id);


--
-- Name: pending_files pending_files_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pending_files
    ADD CONSTRAINT pending_files_pkey PRIMARY KEY (pending_id);


--
-- Name: record_grants record_grants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.record_grants
    ADD CONSTRAINT record_grants_pkey PRIMARY KEY (record_id, client_id);


--
-- Name: record_terms record_terms_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.record_terms
    ADD CONSTRAINT record_terms_pkey PRIMARY KEY (writer_id, kind, name, value, record_index);


--
-- Name: record_types record_types_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.record_types
    ADD CONSTRAINT record_types_pkey PRIMARY KEY (writer_id, user_id, record_type);


--
-- Name: records records_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (writer_id, record_index);


--
-- Name: records records_record_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_record_id_key UNIQUE (record_id);


--
-- Name: records records_record_index_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_record_index_key UNIQUE (record_index);


--
-- Name: registration_tokens registration_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.registration_tokens
    ADD CONSTRAINT registration_tokens_pkey PRIMARY KEY (hash);


--
-- Name: sealed_bundle_heads sealed_bundle_heads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_bundle_heads
    ADD CONSTRAINT sealed_bundle_heads_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_bundles sealed_bundles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_bundles
    ADD CONSTRAINT sealed_bundles_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_entries sealed_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_entries
    ADD CONSTRAINT sealed_entries_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_epochs sealed_epochs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_epochs
    ADD CONSTRAINT sealed_epochs_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_exposures sealed_exposures_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_exposures
    ADD CONSTRAINT sealed_exposures_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_fields sealed_fields_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_fields
    ADD CONSTRAINT sealed_fields_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_grants sealed_grants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_grants
    ADD CONSTRAINT sealed_grants_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_links sealed_links_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_links
    ADD CONSTRAINT sealed_links_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_log_states sealed_log_states_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_log_states
    ADD CONSTRAINT sealed_log_states_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_logs sealed_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_logs
    ADD CONSTRAINT sealed_logs_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_named sealed_named_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_named
    ADD CONSTRAINT sealed_named_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_record_order sealed_record_order_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_record_order
    ADD CONSTRAINT sealed_record_order_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_records sealed_records_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_records
    ADD CONSTRAINT sealed_records_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_shares sealed_shares_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_shares
    ADD CONSTRAINT sealed_shares_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_stage_wraps sealed_stage_wraps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_stage_wraps
    ADD CONSTRAINT sealed_stage_wraps_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_stages sealed_stages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_stages
    ADD CONSTRAINT sealed_stages_pkey PRIMARY KEY (owner_id, key);


--
-- Name: sealed_wraps sealed_wraps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sealed_wraps
    ADD CONSTRAINT sealed_wraps_pkey PRIMARY KEY (owner_id, key);


--
-- Name: signed_request_floors signed_request_floors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signed_request_floors
    ADD CONSTRAINT signed_request_floors_pkey PRIMARY KEY (signer);


--
-- Name: signed_requests signed_requests_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signed_requests
    ADD CONSTRAINT signed_requests_pkey PRIMARY KEY (signer, signed, name);


--
-- Name: tozstore_locks tozstore_locks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tozstore_locks
    ADD CONSTRAINT tozstore_locks_pkey PRIMARY KEY (id);


--
-- Name: tozstore_versions tozstore_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tozstore_versions
    ADD CONSTRAINT tozstore_versions_pkey PRIMARY KEY (version);


--
-- Name: unclaimed_blobs unclaimed_blobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.unclaimed_blobs
    ADD CONSTRAINT unclaimed_blobs_pkey PRIMARY KEY (file_key);


--
-- Name: usages usages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.usages
    ADD CONSTRAINT usages_pkey PRIMARY KEY (owner_id, kind);


--
-- Name: access_keys_by_authorizer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX access_keys_by_authorizer ON public.access_keys USING btree (authorizer_id);


--
-- Name: access_keys_by_reader; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX access_keys_by_reader ON public.access_keys USING btree (reader_id);


--
-- Name: access_keys_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX access_keys_by_user ON public.access_keys USING btree (user_id);


--
-- Name: clients_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_by_account ON public.clients USING btree (account_id, "position");


--
-- Name: erasures_in_order; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX erasures_in_order ON public.erasures USING btree ("position");


--
-- Name: grants_by_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_by_client ON public.grants USING btree (client_id, "position");


--
-- Name: grants_by_client_and_writer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_by_client_and_writer ON public.grants USING btree (client_id, writer_id);


--
-- Name: grants_by_granter; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_by_granter ON public.grants USING btree (granted_by);


--
-- Name: grants_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_by_user ON public.grants USING btree (user_id);


--
-- Name: grants_by_writer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_by_writer ON public.grants USING btree (writer_id, "position");


--
-- Name: group_managers; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_managers ON public.group_members USING btree (group_id, can_manage, "position");


--
-- Name: group_members_by_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_members_by_client ON public.group_members USING btree (client_id, group_position);


--
-- Name: group_members_in_order; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_members_in_order ON public.group_members USING btree (group_id, "position");


--
-- Name: group_shares_in_order; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_shares_in_order ON public.group_shares USING btree (group_id, "position");


--
-- Name: groups_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_by_account ON public.groups USING btree (account_id, "position");


--
-- Name: groups_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX groups_by_name ON public.groups USING btree (account_id, name, "position");


--
-- Name: hook_deliveries_by_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hook_deliveries_by_due ON public.hook_deliveries USING btree (hook, due, "position");


--
-- Name: hooks_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hooks_by_account ON public.hooks USING btree (account_id, "position");


--
-- Name: hooks_by_wakes; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hooks_by_wakes ON public.hooks USING btree (wakes);


--
-- Name: login_challenges_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_challenges_by_account ON public.login_challenges USING btree (account_id);


--
-- Name: login_challenges_by_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX login_challenges_by_expiry ON public.login_challenges USING btree (expires);


--
-- Name: note_uses_by_gone; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX note_uses_by_gone ON public.note_uses USING btree (gone);


--
-- Name: note_uses_by_strangers; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX note_uses_by_strangers ON public.note_uses USING btree (strangers_bytes);


--
-- Name: notes_by_record; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notes_by_record ON public.notes USING btree (client_id, record_id, "position");


--
-- Name: notes_by_writer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notes_by_writer ON public.notes USING btree (client_id, "position");


--
-- Name: pending_files_by_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_files_by_client ON public.pending_files USING btree (client_id);


--
-- Name: pending_files_by_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_files_by_expiry ON public.pending_files USING btree (expires);


--
-- Name: pending_files_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_files_by_user ON public.pending_files USING btree (user_id);


--
-- Name: pending_files_by_writer; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pending_files_by_writer ON public.pending_files USING btree (writer_id);


--
-- Name: record_grants_by_client; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX record_grants_by_client ON public.record_grants USING btree (client_id, writer_id, record_type);


--
-- Name: record_grants_by_granter; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX record_grants_by_granter ON public.record_grants USING btree (granted_by);


--
-- Name: record_terms_by_record; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX record_terms_by_record ON public.record_terms USING btree (writer_id, kind, name, record_index);


--
-- Name: record_types_by_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX record_types_by_name ON public.record_types USING btree (writer_id, record_type);


--
-- Name: record_types_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX record_types_by_user ON public.record_types USING btree (user_id);


--
-- Name: records_by_modified; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX records_by_modified ON public.records USING btree (writer_id, last_modified, record_index);


--
-- Name: records_by_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX records_by_type ON public.records USING btree (writer_id, record_type, record_index);


--
-- Name: records_by_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX records_by_user ON public.records USING btree (user_id);


--
-- Name: registration_tokens_by_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX registration_tokens_by_account ON public.registration_tokens USING btree (account_id, "position");


--
-- Name: signed_requests_by_signed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX signed_requests_by_signed ON public.signed_requests USING btree (signed);


--
-- Name: unclaimed_blobs_by_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX unclaimed_blobs_by_due ON public.unclaimed_blobs USING btree (due);


--
-- PostgreSQL database dump complete
--

\unrestrict N1jtkNQRDXXtxAibKBZPyq5JD3PdhB2vKbZ1WT95WRnC6Cu7iiYkhwR624UroG4

