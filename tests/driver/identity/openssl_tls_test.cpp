#include "identity/openssl_tls.h"

#include "tests/driver/identity/openssl_tls_fixture.h"

namespace muster::identity {
namespace {

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(OpensslTls, TwoNodesOfAClusterKnowEachOtherByNameAndRole) {
  const Town town;
  const auto master = tls(town.issue(node("m1", NodeRole::Master)));
  const auto agent = tls(town.issue(node("a1")));
  Pair pair = between(*master, *agent);
  ASSERT_TRUE(pair.stands()) << pair.server.why().text << pair.client.why().text;
  const auto server = peer_of(pair.client.ssl.get());
  const auto client = peer_of(pair.server.ssl.get());
  ASSERT_TRUE(server && client);
  EXPECT_EQ(server->name, "m1");
  EXPECT_TRUE(server->master);
  EXPECT_EQ(client->name, "a1");
  EXPECT_FALSE(client->master);
  EXPECT_EQ(client->cluster, "prod");
  EXPECT_EQ(client->serial, agent->own().serial);
  EXPECT_EQ(client->expires,
            kNoon + std::chrono::duration_cast<std::chrono::milliseconds>(kNodeLife));
  EXPECT_EQ(pair.carry("hello"), "hello");
  EXPECT_EQ(SSL_version(pair.server.ssl.get()), TLS1_3_VERSION);
}

TEST(OpensslTls, NoSessionIsLeftThatCouldBeResumed) {
  const Town town;
  const auto one = tls(town.issue(node("n1")));
  const auto two = tls(town.issue(node("n2")));
  Pair pair = between(*one, *two);
  EXPECT_EQ(pair.carry("x"), "x");
  pair.client.read();  // where a ticket would have come
  const SSL_SESSION* const session = SSL_get0_session(pair.client.ssl.get());
  EXPECT_EQ(SSL_SESSION_is_resumable(session), 0);
  EXPECT_EQ(SSL_SESSION_has_ticket(session), 0);
  EXPECT_EQ(SSL_get_max_early_data(pair.server.ssl.get()), 0U);
}

struct Refused {
  TlsRefusal refusal;
  std::vector<std::string> parts;  // of the text
};

// The server refuses this client so, and the client learns that it was refused.
void refused_by_server(const OpensslTls& server, const OpensslTls& client,
                       const Refused& expected) {
  Pair pair = between(server, client);
  ASSERT_FALSE(pair.stands());
  ASSERT_TRUE(pair.server.failed);
  const HandshakeFailure why = pair.server.why();
  EXPECT_EQ(to_text(why.refusal), to_text(expected.refusal)) << why.text;
  for (const std::string& part : expected.parts) EXPECT_TRUE(says(why.text, part)) << why.text;
  EXPECT_EQ(to_text(pair.client.why().refusal), to_text(TlsRefusal::RefusedByPeer))
      << pair.client.why().text;
}

// The client refuses this server so.
void refused_by_client(const OpensslTls& server, const OpensslTls& client,
                       const Refused& expected) {
  Pair pair = between(server, client);
  ASSERT_TRUE(pair.client.failed);
  const HandshakeFailure why = pair.client.why();
  EXPECT_EQ(to_text(why.refusal), to_text(expected.refusal)) << why.text;
  for (const std::string& part : expected.parts) EXPECT_TRUE(says(why.text, part)) << why.text;
  EXPECT_EQ(to_text(pair.server.why().refusal), to_text(TlsRefusal::RefusedByPeer))
      << pair.server.why().text;
}

TEST(OpensslTls, APeerOfAnotherAuthorityIsRefusedByBothEnds) {
  const Town ours, others;  // two clusters that chose one name
  const auto here = tls(ours.issue(node("n1")));
  const auto there = tls(others.issue(node("n2")));
  const Refused expected{TlsRefusal::WrongAuthority,
                         {"node n2 of cluster prod", "does not trust", "`muster join` it anew"}};
  refused_by_client(*there, *here, expected);
  // The client that trusts the server only because it was told to sees the server refuse.
  Credentials mixed = others.issue(node("n2"));
  mixed.bundle += ours.authority.certificate;
  refused_by_server(*here, *tls(mixed), expected);
}

TEST(OpensslTls, APeerOfAnotherClusterIsRefusedNamingBoth) {
  const Town ours("prod"), others("test");
  const auto here = tls(ours.issue(node("n1")));
  const auto there = tls(others.issue(node("n2", NodeRole::Agent, "test")), kNoon, "test");
  refused_by_client(*there, *here,
                    {TlsRefusal::OtherCluster, {"node n2 of cluster test", "this node of prod"}});
  // Also when one authority has signed for both.
  Credentials both = ours.issue(node("n2", NodeRole::Agent, "test"));
  refused_by_client(*tls(both, kNoon, "test"), *here,
                    {TlsRefusal::OtherCluster, {"cluster test", "this node of prod"}});
}

TEST(OpensslTls, AnExpiredCertificateIsRefusedNamingTheClock) {
  const Town town;
  const auto old = tls(town.issue(node("n2"), kNoon, kDay));
  const WallTime later = kNoon + kDay + std::chrono::seconds(1);
  refused_by_server(*tls(town.issue(node("n1")), later), *old,
                    {TlsRefusal::Expired,
                     {"node n2", "expired at 2026-11-22T12:00:00Z",
                      "clock says 2026-11-22T12:00:01Z", "join that node anew"}});
}

TEST(OpensslTls, ANodeWhoseClockIsADayBehindRefusesAYoungCertificateNamingTheClock) {
  const Town town("prod", kNoon - 10 * kDay);
  const auto young = tls(town.issue(node("n2"), kNoon));
  const auto behind = tls(town.issue(node("n1"), kNoon - 9 * kDay), kNoon - kDay);
  refused_by_server(*behind, *young,
                    {TlsRefusal::NotYetValid,
                     {"node n2", "not valid before 2026-11-21T11:00:00Z",
                      "clock says 2026-11-20T12:00:00Z", "clocks is wrong"}});
}

TEST(OpensslTls, ClocksThatDifferByLessThanAnHourAgree) {
  const Town town;
  const auto young = tls(town.issue(node("n2"), kNoon));
  const auto behind = tls(town.issue(node("n1")), kNoon - std::chrono::minutes(59));
  EXPECT_TRUE(between(*behind, *young).stands());
}

TEST(OpensslTls, ARevokedCertificateIsRefusedFromThatMomentOn) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const auto there = tls(town.issue(node("n2")));
  EXPECT_TRUE(between(*here, *there).stands());
  here->revoke({"123abc", there->own().serial});
  refused_by_server(*here, *there, {TlsRefusal::Revoked, {"node n2", "revoked", "anew"}});
  refused_by_client(*there, *here, {TlsRefusal::Revoked, {"node n2", "revoked"}});
  here->revoke({"123abc"});
  EXPECT_TRUE(between(*here, *there).stands());
}

TEST(OpensslTls, AUserIsNoNode) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const Credentials admin = town.issue(user("ann", Role::Admin));
  // OpensslTls takes no user's certificate for its own, so this client is made by hand.
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const auto use = [&](const std::string& pem, auto read, auto give) {
    BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    auto* const object = read(bio, nullptr, nullptr, nullptr);
    EXPECT_EQ(give(context.get(), object), 1);
    BIO_free(bio);
    return object;
  };
  X509_free(use(admin.certificate, PEM_read_bio_X509, SSL_CTX_use_certificate));
  EVP_PKEY_free(use(admin.key, PEM_read_bio_PrivateKey, SSL_CTX_use_PrivateKey));
  const auto client = [&] {
    Ssl ssl(SSL_new(context.get()));
    SSL_set_connect_state(ssl.get());
    return ssl;
  };
  Pair rpc(here->begin(TlsEnd::NodeServer), client());
  EXPECT_TRUE(rpc.server.failed);
  EXPECT_EQ(rpc.server.why().refusal, TlsRefusal::WrongKind) << rpc.server.why().text;
  EXPECT_TRUE(says(rpc.server.why().text, "user ann")) << rpc.server.why().text;

  Pair https(here->begin(TlsEnd::HttpServer), client());
  ASSERT_TRUE(https.stands()) << https.server.why().text;
  EXPECT_EQ(user_of(https.server.ssl.get())->name, "ann");
  EXPECT_EQ(user_of(https.server.ssl.get())->role, Role::Admin);
  EXPECT_FALSE(peer_of(https.server.ssl.get()));

  here->revoke({user_of(https.server.ssl.get())->serial});
  Pair again(here->begin(TlsEnd::HttpServer), client());
  EXPECT_EQ(again.server.why().refusal, TlsRefusal::Revoked);
}

TEST(OpensslTls, WithoutACertificateHttpsIsOpenToTokensAndRpcIsClosed) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const auto client = [&] {
    Ssl ssl(SSL_new(context.get()));
    SSL_set_connect_state(ssl.get());
    return ssl;
  };
  Pair rpc(here->begin(TlsEnd::NodeServer), client());
  EXPECT_EQ(rpc.server.why().refusal, TlsRefusal::NoCertificate) << rpc.server.why().text;
  EXPECT_TRUE(says(rpc.server.why().text, "muster join"));
  Pair https(here->begin(TlsEnd::HttpServer), client());
  EXPECT_TRUE(https.stands());
  EXPECT_FALSE(user_of(https.server.ssl.get()));
  EXPECT_FALSE(peer_of(https.server.ssl.get()));
  // The authority comes with the certificate: a token's pin can be compared with it.
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(https.client.ssl.get())), 2);
}

TEST(OpensslTls, AnOlderTlsIsRefused) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  Ssl ssl(SSL_new(context.get()));
  SSL_set_connect_state(ssl.get());
  Pair pair(here->begin(TlsEnd::HttpServer), std::move(ssl));
  EXPECT_TRUE(pair.server.failed);
  EXPECT_EQ(pair.server.why().refusal, TlsRefusal::NotTls) << pair.server.why().text;
}

TEST(OpensslTls, APeerThatSpeaksNoTlsIsToldApart) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  for (const std::string& plain : {std::string("GET / HTTP/1.1\r\n\r\n"),
                                   std::string("\0\0\0\x30\x0a\x2e hello to a master", 28),
                                   std::string(64, '\xff'), std::string(64, '\0')}) {
    End end{here->begin(TlsEnd::NodeServer)};
    BIO* const in = BIO_new_mem_buf(plain.data(), static_cast<int>(plain.size()));
    SSL_set_bio(end.ssl.get(), in, BIO_new(BIO_s_mem()));
    end.step();
    ASSERT_TRUE(end.failed);
    EXPECT_EQ(to_text(end.why().refusal), to_text(TlsRefusal::NotTls))
        << end.why().text << " " << ERR_reason_error_string(end.error);
  }
}

TEST(OpensslTls, RenewalIsSeenByTheNextStreamAndByNoOther) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const auto there = tls(town.issue(node("n2")));
  Pair old = between(*here, *there);
  ASSERT_TRUE(old.stands());
  const std::string serial = there->own().serial;
  ASSERT_TRUE(there->renew(town.issue(node("n2"))));
  EXPECT_NE(there->own().serial, serial);
  EXPECT_EQ(old.carry("still here"), "still here");
  EXPECT_EQ(peer_of(old.server.ssl.get())->serial, serial);
  EXPECT_EQ(peer_of(between(*here, *there).server.ssl.get())->serial, there->own().serial);
}

TEST(OpensslTls, CredentialsThatDoNotBelongTogetherChangeNothing) {
  const Town town, other;
  const Credentials good = town.issue(node("n1"));
  const Credentials second = town.issue(node("n2"));
  const auto here = tls(good);
  const struct {
    Credentials credentials;
    std::string part;
  } rows[] = {
      {{"", good.key, good.bundle}, "certificate: there is no certificate"},
      {{good.certificate, "", good.bundle}, "key: there is no private key"},
      {{good.certificate, good.key, ""}, "bundle: there is no certificate"},
      {{good.certificate, second.key, good.bundle}, "is not that of its certificate"},
      {{good.certificate, good.key, other.authority.certificate}, "not in its bundle"},
      {{good.certificate, good.key, good.bundle + good.certificate}, "is not an authority's"},
      {town.issue(user("ann", Role::Viewer)), "is of user ann"},
      {town.issue(node("n1", NodeRole::Agent, "test")), "is of cluster test"},
      {{town.authority.certificate, town.authority.key, good.bundle}, "names no node"},
  };
  const std::string serial = here->own().serial;
  for (const auto& row : rows) {
    const Status refused = here->renew(row.credentials);
    ASSERT_FALSE(refused) << row.part;
    EXPECT_TRUE(says(refused.error().text, row.part)) << refused.error().text;
    EXPECT_EQ(refused.error().text.find("PRIVATE"), std::string::npos);
    EXPECT_EQ(here->own().serial, serial);
  }
}

TEST(OpensslTls, DuringAChangeOfTheAuthorityOldAndNewUnderstandEachOther) {
  const Town old, young;
  const auto both = [&](Credentials from) {
    from.bundle = old.authority.certificate + young.authority.certificate;
    return from;
  };
  const auto one = tls(both(old.issue(node("n1"))));
  const auto two = tls(both(young.issue(node("n2"))));
  EXPECT_TRUE(between(*one, *two).stands());
  EXPECT_TRUE(between(*two, *one).stands());
}

TEST(OpensslTls, KeysOfAStreamCanBeChangedWhileItIsUsed) {
  const Town town;
  const auto here = tls(town.issue(node("n1")));
  const auto there = tls(town.issue(node("n2")));
  Pair pair = between(*here, *there);
  ASSERT_TRUE(pair.stands());
  for (int i = 0; i < 3; ++i) {
    change_key(pair.client.ssl.get());
    EXPECT_EQ(pair.carry("after a change"), "after a change");
  }
}

}  // namespace
}  // namespace muster::identity
