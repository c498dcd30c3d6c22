// Families as a test wants to compare them.
#pragma once

#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/sample.h"
#include "collector/exposition.h"

namespace muster::collector {

// One line a sample, as it is scraped, without HELP and TYPE; the error's text for an error.
inline std::string samples_text(const Result<Families>& families) {
  if (!families) return families.error().text;
  std::istringstream text(exposition_text(*families));
  std::string out;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with('#')) (out += line) += '\n';
  }
  return out;
}

// That it failed with DataLoss, names its collector and says why.
inline void expect_refusal(const Result<Families>& families, const std::string& collector,
                           const std::string& why) {
  ASSERT_FALSE(families) << samples_text(families);
  EXPECT_EQ(families.error().code, Code::DataLoss);
  EXPECT_EQ(families.error().text.find("collector " + collector + ": "), 0U)
      << families.error().text;
  EXPECT_NE(families.error().text.find(why), std::string::npos) << families.error().text;
}

}  // namespace muster::collector
