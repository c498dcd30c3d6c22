#include "collector/filesystem.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

struct Mounted : MadeUpHost {
  Mounted() {
    files["/proc/1/mountinfo"] =
        "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "23 22 0:21 / /proc rw,nosuid shared:12 master:3 - proc proc rw\n"
        "31 22 259:2 /a-b /srv/with\\040blank ro,relatime - ext4 /dev/sdb rw\n"
        "40 22 0:50 / /mnt/nfs rw,relatime - nfs4 nas:/vol ro\n"
        "41 40 0:50 / /mnt/nfs rw,relatime - nfs4 nas:/vol rw\n";
    files["/proc/1/mounts"] =
        "/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0\n"
        "nas:/vol /mnt/nfs nfs4 ro,relatime 0 0\n";
    usages["/"] = {1000, 400, 300, 64, 32};
    usages["/proc"] = {};
    usages["/srv/with blank"] = {2000, 1, 0, 5, 4};
    broken["/mnt/nfs"] = {Code::Internal, "cannot read /mnt/nfs: Stale file handle"};
  }

  mutable Complaints complaints;

  std::string shown(const CollectorOptions& options = {}) const {
    const auto families = collect_filesystem(*this, options, complaints);
    return families ? exposition_text(*families) : families.error().text;
  }
};

CollectorOptions real_ones() {
  CollectorOptions options;
  options.fs_types = [](std::string_view type) { return type != "proc"; };
  return options;
}

TEST(Filesystem, EachMountIsShownWithItsUsage) {
  const std::string text = Mounted().shown(real_ones());
  const std::string root =
      "{device=\"/dev/sda1\",device_error=\"\",fstype=\"ext4\",mountpoint=\"/\"} ";
  EXPECT_TRUE(has(text, "node_filesystem_size_bytes" + root + "1000"));
  EXPECT_TRUE(has(text, "node_filesystem_free_bytes" + root + "400"));
  EXPECT_TRUE(has(text, "node_filesystem_avail_bytes" + root + "300"));
  EXPECT_TRUE(has(text, "node_filesystem_files" + root + "64"));
  EXPECT_TRUE(has(text, "node_filesystem_files_free" + root + "32"));
  EXPECT_TRUE(has(text, "node_filesystem_readonly" + root + "0"));
  EXPECT_TRUE(has(text, "node_filesystem_device_error" + root + "0"));
  EXPECT_TRUE(has(text,
                  "node_filesystem_mount_info{device=\"/dev/sda1\",major=\"253\",minor=\"0\","
                  "mountpoint=\"/\"} 1"));
  EXPECT_TRUE(has(text,
                  "node_filesystem_readonly{device=\"/dev/sdb\",device_error=\"\",fstype=\"ext4\","
                  "mountpoint=\"/srv/with blank\"} 1"));
}

TEST(Filesystem, AMountThatCannotBeAskedHasItsErrorAndNothingElse) {
  Mounted host;
  const std::string stale =
      "{device=\"nas:/vol\",device_error=\"stale file handle\",fstype=\"nfs4\",mountpoint=\"/mnt/"
      "nfs\"} ";
  std::string text = host.shown(real_ones());
  EXPECT_TRUE(has(text, "node_filesystem_device_error" + stale + "1"));
  EXPECT_TRUE(has(text, "node_filesystem_readonly" + stale + "1"));
  EXPECT_EQ(text.find("node_filesystem_size_bytes{device=\"nas"), std::string::npos);
  EXPECT_EQ(text.find("node_filesystem_mount_info{device=\"nas"), std::string::npos);
  EXPECT_NE(text.find("node_filesystem_size_bytes{device=\"/dev/sdb\""), std::string::npos);

  host.broken["/mnt/nfs"] = {Code::Timeout, "/mnt/nfs does not answer since 12 s"};
  text = host.shown(real_ones());
  EXPECT_NE(text.find("device_error=\"mountpoint timeout\",fstype=\"nfs4\""), std::string::npos);
}

// Remembers what it was asked for as a host that watches over itself is.
struct Watched : Mounted {
  [[nodiscard]] std::vector<Result<FsUsage>> usage_of_all(
      const std::vector<std::string>& paths) const override {
    watched.insert(watched.end(), paths.begin(), paths.end());
    return HostFs::usage_of_all(paths);
  }
  mutable std::vector<std::string> watched;
};

TEST(Filesystem, WhatMayNeverAnswerAndWhatIsBelowItIsWatched) {
  Watched host;
  host.files["/proc/1/mountinfo"] +=
      "42 40 0:51 / /mnt/nfs/deeper rw - tmpfs tmpfs rw\n"
      "43 22 0:52 / /mnt/nfs2 rw - tmpfs tmpfs rw\n"
      "44 22 0:53 / /data rw - btrfs /dev/sdc rw\n"
      "45 22 0:54 / /over rw - tmpfs tmpfs rw\n"
      "46 45 0:55 / /over rw - fuse.sshfs far: rw\n";
  for (const char* path : {"/mnt/nfs/deeper", "/mnt/nfs2", "/data", "/over"}) {
    host.usages[path].size_bytes = 77;
  }
  const std::string text = host.shown(real_ones());
  EXPECT_EQ(host.watched,
            (std::vector<std::string>{"/mnt/nfs/deeper", "/data", "/over", "/mnt/nfs", "/over"}));
  for (const char* path : {"/mnt/nfs/deeper", "/mnt/nfs2", "/data"}) {
    const std::string end = std::string("mountpoint=\"") + path + "\"} 77";
    EXPECT_NE(text.find(end), std::string::npos) << path;
  }
  EXPECT_NE(text.find("mountpoint=\"/\"} 1000\n"), std::string::npos);
}

TEST(Filesystem, BelowAnotherRootEverythingIsWatched) {
  Watched host;
  CollectorOptions options = real_ones();
  options.rootfs = "/host";
  (void)host.shown(options);
  EXPECT_EQ(host.watched, (std::vector<std::string>{"/", "/srv/with blank", "/mnt/nfs"}));
}

TEST(Filesystem, In15AnErrorWasANumberOnly) {
  CollectorOptions options = real_ones();
  options.compat_1_5 = true;
  const std::string text = Mounted().shown(options);
  const std::string nas = "{device=\"nas:/vol\",fstype=\"nfs4\",mountpoint=\"/mnt/nfs\"} ";
  EXPECT_TRUE(has(text, "node_filesystem_device_error" + nas + "1"));
  EXPECT_FALSE(has(text, "node_filesystem_readonly" + nas + "1"));
  EXPECT_TRUE(has(
      text, "node_filesystem_readonly{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"} 0"));
  EXPECT_EQ(text.find("node_filesystem_mount_info"), std::string::npos);
}

TEST(Filesystem, WhatIsMountedTwiceAtOnePlaceIsShownAndAskedOnce) {
  const std::string text = Mounted().shown(real_ones());
  const std::string error = "node_filesystem_device_error{device=\"nas:/vol\"";
  EXPECT_EQ(text.find(error), text.rfind(error));
}

TEST(Filesystem, MountPointsBelowAnotherRootAreNamedAsTheHostNamesThem) {
  Mounted host;
  host.files["/proc/1/mountinfo"] =
      "22 1 8:1 / /host rw - ext4 /dev/sda1 rw\n23 1 8:2 / /host/var rw - ext4 /dev/sda2 rw\n"
      "24 1 8:3 / /hostile rw - ext4 /dev/sda3 rw\n25 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
  host.usages["/var"] = host.usages["/hostile"] = {};
  CollectorOptions options;
  options.rootfs = "/host/";
  const auto families = collect_filesystem(host, options, host.complaints);
  ASSERT_TRUE(families);
  std::vector<std::string> points;
  for (const Sample& sample : families->front().samples) points.push_back(sample.labels[3].second);
  EXPECT_EQ(points, (std::vector<std::string>{"/", "/var", "/hostile"}));
}

TEST(Filesystem, WhatHangsIsNamedInTheLogAndWhatFailsOtherwiseIsNot) {
  Mounted host;
  (void)host.shown(real_ones());
  EXPECT_EQ(host.complaints, Complaints{});
  host.broken["/mnt/nfs"] = {Code::Timeout, "cannot read the usage of /mnt/nfs: no answer"};
  (void)host.shown(real_ones());
  EXPECT_EQ(host.complaints,
            Complaints{"collector filesystem: cannot read the usage of /mnt/nfs: no answer"});
}

TEST(Filesystem, TheMachinesOwnAreAskedBeforeThoseOfServersAndShownInTheirOrder) {
  Watched host;
  host.files["/proc/1/mountinfo"] =
      "22 1 0:50 / /a rw - nfs4 nas:/a rw\n23 1 0:51 / /b rw - fuse.sshfs host:/b rw\n"
      "24 1 8:1 / /c rw - btrfs /dev/sda1 rw\n25 1 8:2 / /d rw - zfs pool/d rw\n";
  std::uint64_t size = 0;
  for (const char* path : {"/a", "/b", "/c", "/d"}) host.usages[path].size_bytes = ++size;
  const auto families = collect_filesystem(host, {}, host.complaints);
  ASSERT_TRUE(families);
  EXPECT_EQ(host.watched, (std::vector<std::string>{"/c", "/d", "/a", "/b"}));
  double expected = 0;
  for (const Sample& sample : families->front().samples) EXPECT_EQ(sample.value, ++expected);
}

TEST(Filesystem, FiltersLookAtTheMountPointAndTheType) {
  Mounted host;
  CollectorOptions options;
  options.mount_points = [](std::string_view point) { return point == "/proc" || point == "/"; };
  options.fs_types = [](std::string_view type) { return type == "proc"; };
  const auto families = collect_filesystem(host, options, host.complaints);
  ASSERT_TRUE(families);
  ASSERT_EQ(families->front().samples.size(), 1U);
  EXPECT_EQ(families->front().samples[0].labels[3].second, "/proc");
}

TEST(Filesystem, WhereProcess1IsHiddenItsOwnMountsAreShown) {
  Mounted host;
  host.files["/proc/self/mountinfo"] = "22 1 8:1 / / rw - ext4 /dev/mine rw\n";
  EXPECT_EQ(host.shown().find("/dev/mine"), std::string::npos);
  host.files.erase("/proc/1/mountinfo");
  EXPECT_NE(host.shown().find("/dev/mine"), std::string::npos);
  host.files.erase("/proc/self/mountinfo");
  EXPECT_EQ(collect_filesystem(host, {}, host.complaints).error().code, Code::NotFound);
}

TEST(Mounts, OctalEscapesAreUndoneInMountPointsOnly) {
  const auto mounts = parse_mounts("a\\040b /x\\040y\\011z\\134\\043\\12\\ x,y ro 0 0\n");
  ASSERT_TRUE(mounts) << mounts.error().text;
  EXPECT_EQ(*mounts, (std::vector<Mount>{{"a\\040b", "/x y\tz\\#\\12\\", "x,y", "", "", true}}));
}

TEST(Mounts, ADashInAPathIsNoSeparator) {
  const auto mounts = parse_mountinfo("22 1 8:1 /- /- rw,ro shared:1 unbindable - ext4 - rw\n");
  ASSERT_TRUE(mounts) << mounts.error().text;
  EXPECT_EQ(*mounts, (std::vector<Mount>{{"-", "/-", "ext4", "8", "1", true}}));
}

TEST(Mounts, WhatIsNotUnderstoodIsRefused) {
  for (const std::string text :
       {"", "/dev/sda1 / ext4 rw", "/dev/sda1 / ext4\n", "\n", "a b c d\n", "\xFF\n"}) {
    const auto mounts = parse_mounts(text);
    ASSERT_FALSE(mounts) << text;
    EXPECT_EQ(mounts.error().code, Code::DataLoss);
  }
  for (const std::string text :
       {"", "22 1 8:1 / / rw - ext4 /dev/sda1 rw", "22 1 8:1 / / rw - ext4 /dev/sda1\n",
        "22 1 8 / / rw - ext4 /dev/sda1 rw\n", "22 1 8:x / / rw - ext4 /dev/sda1 rw\n",
        "22 1 8:1 / / - ext4 /dev/sda1 rw\n", "-\n", "- - - - - - -\n"}) {
    const auto mounts = parse_mountinfo(text);
    ASSERT_FALSE(mounts) << text;
    EXPECT_EQ(mounts.error().code, Code::DataLoss);
    EXPECT_EQ(mounts.error().text.find("collector filesystem: /proc/<pid>/mountinfo "), 0U);
  }
}

}  // namespace
}  // namespace muster::collector
