#include "agent/asio_strain.h"

#include <algorithm>
#include <utility>

#include "collector/pressure.h"

namespace muster::agent {
namespace {

constexpr auto kPeriod = std::chrono::seconds(1);

}  // namespace

AsioStrain::AsioStrain(asio::io_context& context, const collector::PosixHostFs& files,
                       std::function<Duration()> clock,
                       std::function<void(Duration, double)> report)
    : timer_(context), files_(files), clock_(std::move(clock)), report_(std::move(report)) {}

void AsioStrain::start() { feel(); }

void AsioStrain::on_lag(Duration lag) { worst_lag_ = std::max(worst_lag_, lag); }

void AsioStrain::feel() {
  const Duration now = clock_();
  // A kernel without PSI tells nothing: then the lag alone speaks.
  const auto text = files_.read("/proc/pressure/cpu");
  const auto waited = text ? collector::parse_cpu_waiting(*text) : Result<Duration>(Duration{});
  double pressure = 0;
  if (waited && felt_at_ > Duration::zero() && now > felt_at_) {
    pressure = muster::seconds(*waited - waited_) / muster::seconds(now - felt_at_);
  }
  felt_at_ = now;
  if (waited) waited_ = *waited;
  report_(std::exchange(worst_lag_, Duration::zero()), pressure);
  timer_.expires_after(kPeriod);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) feel();
  });
}

}  // namespace muster::agent
