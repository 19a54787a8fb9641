// Limits of processors and memory, read from trees of files as the kernel shows them.
#include "base/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "base/errors.h"
#include "tests/support/temporary_directory.h"

namespace swin::base {
namespace {

namespace fs = std::filesystem;

constexpr char kNone[] = "9223372036854771712";  // as version 1 writes it

// A tree with /proc and the mount points of control groups.
class LimitsTree : public testing::Test {
 protected:
  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((tree_ / path).parent_path());
    std::ofstream(tree_ / path) << text << "\n";
  }
  Limits read() const { return read_limits(tree_.path()); }

  // The two hierarchies of version 1, as a host shows them.
  void version_1(const std::string& cpu_group, const std::string& memory_group,
                 const std::string& mounted = "/") const {
    file("proc/self/cgroup", "12:pids:/elsewhere\n4:memory:" + memory_group +
                                 "\n2:cpu,cpuacct:" + cpu_group + "\n1:name=systemd:/\n0::/");
    file("proc/self/mountinfo",
         "22 1 0:20 / /proc rw,nosuid shared:3 - proc proc rw\n"
         "30 25 0:26 " +
             mounted +
             " /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup "
             "cgroup rw,cpu,cpuacct\n"
             "31 25 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
             "33 25 0:29 " +
             mounted +
             " /sys/fs/cgroup/memory rw,nosuid shared:12 - cgroup cgroup "
             "rw,memory");
  }
  void version_2(const std::string& group, const std::string& mount = "/sys/fs/cgroup") const {
    file("proc/self/cgroup", "0::" + group);
    file("proc/self/mountinfo",
         "29 23 0:26 / " + mount + " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate");
  }
  void quota_1(const std::string& group, const std::string& quota) const {
    file("sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_quota_us", quota);
    file("sys/fs/cgroup/cpu,cpuacct" + group + "/cpu.cfs_period_us", "100000");
  }

  test::TemporaryDirectory tree_;
};

TEST_F(LimitsTree, TheSmallestQuotaOfNestedGroupsCounts) {
  version_1("/pods/one", "/");
  quota_1("", "-1");
  quota_1("/pods", "50000");
  quota_1("/pods/one", "150000");
  quota_1("/pods/two", "10000");  // another group
  EXPECT_EQ(read().quota_cores, 0.5);
  quota_1("/pods", "-1");
  EXPECT_EQ(read().quota_cores, 1.5);
  quota_1("/pods/one", "-1");
  EXPECT_EQ(read().quota_cores, std::nullopt);
}

TEST_F(LimitsTree, TheSmallestMemoryOfNestedGroupsCounts) {
  version_1("/", "/pods/one");
  const std::string memory = "sys/fs/cgroup/memory";
  file(memory + "/memory.limit_in_bytes", kNone);
  file(memory + "/pods/memory.limit_in_bytes", "300000000");
  file(memory + "/pods/one/memory.limit_in_bytes", kNone);
  EXPECT_EQ(read().group_bytes, 300000000);
  EXPECT_EQ(read().memory_bytes(), 300000000);
  file(memory + "/pods/one/memory.limit_in_bytes", "200000000");
  EXPECT_EQ(read().group_bytes, 200000000);
}

// Without a namespace of its own a container sees the host's path, and its own group mounted.
TEST_F(LimitsTree, AContainerSeesItsOwnGroupMounted) {
  version_1("/docker/3f", "/docker/3f", "/docker/3f");
  quota_1("", "100000");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "400000000");
  EXPECT_EQ(read().quota_cores, 1.0);
  EXPECT_EQ(read().group_bytes, 400000000);
  // A group of the same beginning is another one; what is mounted counts.
  version_1("/docker/3fa/x", "/docker/3fa/x", "/docker/3f");
  EXPECT_EQ(read().quota_cores, 1.0);
}

TEST_F(LimitsTree, LimitsOfGroupsThatAreNotMountedAreSummedUpInTheStatistics) {
  version_1("/docker/3f", "/docker/3f", "/docker/3f");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", kNone);
  file("sys/fs/cgroup/memory/memory.stat", "cache 5\nhierarchical_memory_limit 500000000\nrss 7");
  EXPECT_EQ(read().group_bytes, 500000000);
}

TEST_F(LimitsTree, VersionTwo) {
  version_2("/user.slice/job");
  const std::string slice = "sys/fs/cgroup/user.slice";
  file(slice + "/job/cpu.max", "max 100000");
  file(slice + "/job/memory.max", "max");
  EXPECT_EQ(read().quota_cores, std::nullopt);
  EXPECT_EQ(read().group_bytes, std::nullopt);
  file(slice + "/cpu.max", "250000 50000");
  file(slice + "/memory.max", "250000000");
  EXPECT_EQ(read().quota_cores, 5.0);
  EXPECT_EQ(read().group_bytes, 250000000);
  file(slice + "/job/cpu.max", "50000 100000");
  file(slice + "/job/memory.max", "100000000");
  EXPECT_EQ(read().quota_cores, 0.5);
  EXPECT_EQ(read().group_bytes, 100000000);
}

TEST_F(LimitsTree, PathsOfAllKinds) {
  version_2("/a b", "/sys/fs/control\\040groups");
  file("sys/fs/control groups/a b/cpu.max", "30000 100000");
  EXPECT_EQ(read().quota_cores, 0.3);
  version_2("/../../other");  // a group outside of the namespace
  file("sys/fs/cgroup/cpu.max", "70000 100000");
  EXPECT_EQ(read().quota_cores, 0.7);
}

TEST_F(LimitsTree, BothVersionsAtOnce) {
  version_1("/", "/");
  std::ofstream(tree_ / "proc/self/mountinfo", std::ios::app)
      << "40 25 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  quota_1("", "300000");
  file("sys/fs/cgroup/unified/cpu.max", "200000 100000");
  EXPECT_EQ(read().quota_cores, 2.0);
}

TEST_F(LimitsTree, NothingIsReadFromFilesThatAreMissingOrSayNothing) {
  EXPECT_EQ(read().quota_cores, std::nullopt);
  EXPECT_EQ(read().group_bytes, std::nullopt);
  EXPECT_EQ(available_memory_bytes(tree_.path()), std::nullopt);
  EXPECT_GE(read().cores, 1);
  version_2("/");
  for (const char* text : {"", "much", "0 0", "-1 100000", "100000", "50000 -2"}) {
    file("sys/fs/cgroup/cpu.max", text);
    file("sys/fs/cgroup/memory.max", *text == '-' ? "-1" : "");
    EXPECT_EQ(read().quota_cores, std::nullopt) << text;
    EXPECT_EQ(read().group_bytes, std::nullopt) << text;
  }
}

TEST_F(LimitsTree, ALimitAboveTheMachinesMemoryIsNone) {
  version_2("/");
  file("sys/fs/cgroup/memory.max", std::to_string(int64_t{1} << 59));
  EXPECT_EQ(read().group_bytes, std::nullopt);
  EXPECT_EQ(read().memory_bytes(), read_limits().machine_bytes);
}

TEST_F(LimitsTree, AvailableIsWhatMachineAndGroupsHaveLeft) {
  file("proc/meminfo", "MemTotal: 8000000 kB\nMemFree: 1 kB\nMemAvailable:    900000 kB\nX: 1 kB");
  EXPECT_EQ(available_memory_bytes(tree_.path()), 900000 * int64_t{1024});
  version_2("/job");
  const std::string job = "sys/fs/cgroup/job/memory.";
  file(job + "max", "300000000");
  file(job + "current", "200000000");
  EXPECT_EQ(available_memory_bytes(tree_.path()), 100000000);
  file(job + "stat", "anon 1\ninactive_file 30000000\nactive_file 20000000");
  EXPECT_EQ(available_memory_bytes(tree_.path()), 150000000);
  file(job + "current", "600000000");  // of before the limit was set
  EXPECT_EQ(available_memory_bytes(tree_.path()), 0);
}

TEST(Limits, ThreadsAreTheQuotaRoundedUpWithinTheCores) {
  struct Case {
    double quota;
    int cores, threads;
  };
  for (const Case& one :
       {Case{0.01, 8, 1}, Case{0.5, 8, 1}, Case{1, 8, 1}, Case{1.0000001, 8, 1}, Case{1.01, 8, 2},
        Case{2.5, 8, 3}, Case{2.5, 2, 2}, Case{8, 8, 8}, Case{64, 8, 8}}) {
    Limits limits;
    limits.cores = one.cores;
    limits.quota_cores = one.quota;
    EXPECT_EQ(limits.threads(), one.threads) << one.quota << " of " << one.cores;
  }
  Limits free;
  free.cores = 3;
  EXPECT_EQ(free.threads(), 3);
}

TEST(Limits, TheSmallestMemoryCounts) {
  Limits limits;
  EXPECT_EQ(limits.memory_bytes(), std::nullopt);
  limits.group_bytes = 5;
  EXPECT_EQ(limits.memory_bytes(), 5);
  limits.machine_bytes = 4;
  EXPECT_EQ(limits.memory_bytes(), 4);
  limits.address_space_bytes = 3;
  EXPECT_EQ(limits.memory_bytes(), 3);
}

TEST(Limits, WhatDoesNotFitIntoTheGroupIsRefused) {
  const int64_t much = int64_t{1} << 50;
  Limits limits;
  EXPECT_TRUE(has_memory_for(much, limits));
  require_memory(much, "pixels", "take fewer", limits);
  limits.group_bytes = much;
  EXPECT_TRUE(has_memory_for(much / 2, limits));
  EXPECT_FALSE(has_memory_for(much + (int64_t{1} << 40), limits));  // more than there is swap
  const std::string message = test::message_of<MemoryError>(
      [&] { require_memory(2 * much, "pixels", "take fewer", limits); });
  EXPECT_THAT(message, testing::HasSubstr(std::to_string(2 * much) + " bytes of pixels"));
  EXPECT_THAT(message, testing::EndsWith("of this process's control group; take fewer"));
}

TEST(Limits, TheAddressSpaceIsThatOfUlimit) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  const rlimit limited{rlim_t{1} << 45, before.rlim_max};
  if (before.rlim_cur != RLIM_INFINITY || setrlimit(RLIMIT_AS, &limited) != 0)
    GTEST_SKIP() << "another limit is set";
  EXPECT_EQ(read_limits().address_space_bytes, int64_t{1} << 45);
  setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(read_limits().address_space_bytes, std::nullopt);
}

}  // namespace
}  // namespace swin::base
