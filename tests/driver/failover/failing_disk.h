// What if the disk fails, or the power, in the midst of a write?
//
// A SQLite VFS in front of the real one, the default while it lives. It fails the calls that it is
// told to fail, and remembers what was written and not synced: after a power cut any part of that
// may be missing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "tests/driver/temp_dir.h"

namespace muster::failover {

class FailingDisk {
 public:
  FailingDisk() {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = "failing";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FailingDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  // The calls number `first` to `first + count - 1` from now on that change the disk fail with
  // this code.
  void fail(std::uint64_t first, std::uint64_t count, int code) {
    const std::lock_guard lock(mutex_);
    calls_ = 0;
    first_ = first;
    count_ = count;
    code_ = code;
  }
  std::uint64_t calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  // Makes the files what they may be after a power cut. Pre: nobody has them open.
  void cut_power(std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    std::mt19937_64 random(seed);
    for (auto& [path, file] : files_) {
      std::string bytes = file.synced;
      for (const Write& write : file.writes) {
        if (random() % 2 == 0) continue;
        if (write.truncate) {
          bytes.resize(write.offset);
          continue;
        }
        std::size_t size = write.bytes.size();
        if (random() % 4 == 0) size = std::min<std::size_t>(size, random() % 9 * 512);  // torn
        bytes.resize(std::max(bytes.size(), write.offset + size));
        bytes.replace(write.offset, size, write.bytes, 0, size);
      }
      if (file.there) {
        write_file(path, bytes);
      } else {
        std::filesystem::remove(path);
      }
    }
  }

 private:
  struct Write {
    std::size_t offset;
    std::string bytes;
    bool truncate;
  };
  struct OnDisk {
    std::string synced;
    std::vector<Write> writes;
    bool there = true;
  };
  struct File {
    sqlite3_file base;
    FailingDisk* disk;
    OnDisk* on_disk;  // null: not a file that we watch
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::mutex mutex_;
  std::uint64_t calls_ = 0;
  std::uint64_t first_ = ~std::uint64_t{0};
  std::uint64_t count_ = 0;
  int code_ = SQLITE_OK;
  std::map<std::string, OnDisk> files_;

  int next() {
    const std::uint64_t call = calls_++;
    return call >= first_ && call - first_ < count_ ? code_ : SQLITE_OK;
  }
  static File* as(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* got) {
    auto* disk = static_cast<FailingDisk*>(vfs->pAppData);
    File* file = as(out);
    file->base.pMethods = nullptr;
    const int code = disk->real_->xOpen(disk->real_, name, file->real(), flags, got);
    if (code != SQLITE_OK) return code;
    file->disk = disk;
    file->on_disk = nullptr;
    if (name != nullptr) {
      const std::lock_guard lock(disk->mutex_);
      file->on_disk = &disk->files_[name];
      *file->on_disk = OnDisk{read_file(name), {}, true};
    }
    file->base.pMethods = methods();
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync) {
    auto* disk = static_cast<FailingDisk*>(vfs->pAppData);
    const std::lock_guard lock(disk->mutex_);
    if (const int code = disk->next(); code != SQLITE_OK) return code;
    disk->files_[name].there = false;
    return disk->real_->xDelete(disk->real_, name, sync);
  }
  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 offset) {
    File* file = as(f);
    const std::lock_guard lock(file->disk->mutex_);
    if (const int code = file->disk->next(); code != SQLITE_OK) return code;
    if (file->on_disk != nullptr) {
      file->on_disk->writes.push_back(
          {static_cast<std::size_t>(offset),
           std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), false});
    }
    return file->real()->pMethods->xWrite(file->real(), data, size, offset);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    File* file = as(f);
    const std::lock_guard lock(file->disk->mutex_);
    if (const int code = file->disk->next(); code != SQLITE_OK) return code;
    if (file->on_disk != nullptr) {
      file->on_disk->writes.push_back({static_cast<std::size_t>(size), "", true});
    }
    return file->real()->pMethods->xTruncate(file->real(), size);
  }
  // Tests need not wait for the real disk.
  static int sync(sqlite3_file* f, int) {
    File* file = as(f);
    const std::lock_guard lock(file->disk->mutex_);
    if (const int code = file->disk->next(); code != SQLITE_OK) return code;
    if (file->on_disk == nullptr) return SQLITE_OK;
    std::string& bytes = file->on_disk->synced;
    for (const Write& write : file->on_disk->writes) {
      if (write.truncate) {
        bytes.resize(write.offset);
        continue;
      }
      bytes.resize(std::max(bytes.size(), write.offset + write.bytes.size()));
      bytes.replace(write.offset, write.bytes.size(), write.bytes);
    }
    file->on_disk->writes.clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods made = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;  // no shared memory, no mapping
      m.xClose = [](sqlite3_file* f) { return as(f)->real()->pMethods->xClose(as(f)->real()); };
      m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
        return as(f)->real()->pMethods->xRead(as(f)->real(), to, size, offset);
      };
      m.xWrite = write;
      m.xTruncate = truncate;
      m.xSync = sync;
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return as(f)->real()->pMethods->xFileSize(as(f)->real(), size);
      };
      m.xLock = [](sqlite3_file* f, int level) {
        return as(f)->real()->pMethods->xLock(as(f)->real(), level);
      };
      m.xUnlock = [](sqlite3_file* f, int level) {
        return as(f)->real()->pMethods->xUnlock(as(f)->real(), level);
      };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return as(f)->real()->pMethods->xCheckReservedLock(as(f)->real(), out);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* argument) {
        return as(f)->real()->pMethods->xFileControl(as(f)->real(), op, argument);
      };
      m.xSectorSize = [](sqlite3_file*) { return 512; };
      m.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
      return m;
    }();
    return &made;
  }
};

}  // namespace muster::failover
