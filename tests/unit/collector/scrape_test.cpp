#include "collector/scrape.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

using std::chrono::milliseconds;
using enum ScrapeRequest::Type;

TEST(Scrape, GetsTheTypeThatItsAcceptHeaderPrefers) {
  const std::pair<const char*, ScrapeRequest::Type> cases[] = {
      // Prometheus 3, 2.42 and 2.30.
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,"
       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
       "*/*;q=0.2",
       OpenMetrics100},
      {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       OpenMetrics100},
      {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       OpenMetrics001},
      // That asks for protocol buffers first.
      {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
       "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1",
       OpenMetrics100},
      {"text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8", Text004},
      {"APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"", OpenMetrics100},
      {"application/openmetrics-text", OpenMetrics100},
      {"text/plain, application/openmetrics-text", Text004},
      {"application/openmetrics-text, text/plain", OpenMetrics100},
      {"application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Text004},
      {"application/openmetrics-text;q=0,*/*;q=0.1", Text004},
      {"application/openmetrics-text;q=2,text/plain;q=0.1", Text004},
      {"application/openmetrics-text;q=nan,text/plain;q=0.1", Text004},
      {"*/*", Text004},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Text004},
      {"application/json", Text004},
      {"", Text004},
      {",;=,;q=", Text004},
  };
  for (const auto& [accept, type] : cases) EXPECT_EQ(accepted_type(accept), type) << accept;
}

TEST(Scrape, IsCompressedWhenItAsksForThat) {
  for (const char* yes : {"gzip", "deflate, GZIP;q=0.5, br", "*", "identity;q=0, *;q=0.1"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "gzip;q=0", "gzip;q=0, *", "*;q=0", "br, x-gzipped"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(Scrape, HasTheScrapersTimeoutButForWhatIsLeftToSendTheAnswer) {
  EXPECT_EQ(scrape_time("10"), milliseconds(9500));
  EXPECT_EQ(scrape_time("2.5"), milliseconds(2000));
  EXPECT_EQ(scrape_time("1"), milliseconds(750));
  EXPECT_EQ(scrape_time(" 0.1 "), milliseconds(75));
  EXPECT_EQ(scrape_time("3600"), milliseconds(59'500));
  EXPECT_EQ(scrape_time("inf"), milliseconds(59'500));
  for (const char* none : {"", "0", "-1", "nan", "ten", "1s", "1 2"}) {
    EXPECT_EQ(scrape_time(none), milliseconds(9500)) << none;
  }
}

TEST(Scrape, IsToldWhatItGets) {
  EXPECT_EQ(content_type(Text004), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(content_type(OpenMetrics001),
            "application/openmetrics-text; version=0.0.1; charset=utf-8");
  EXPECT_EQ(content_type(OpenMetrics100),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_EQ(format(Text004), Format::Text);
  EXPECT_EQ(format(OpenMetrics001), Format::OpenMetrics);
  EXPECT_EQ(format(OpenMetrics100), Format::OpenMetrics);
}

}  // namespace
}  // namespace muster::collector
