// libfuse's callbacks: C functions that must not throw, thin over Responder.
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/error.h"
#include "stand_in/responder.h"
#include "storage/stand_in_mount.h"

namespace coldload::stand_in {

namespace {

// Names and attributes are believed for as long as an NFS client believes them at first
// (acregmin).
constexpr double k_believed_s = 3.0;
// In flight for all readers together. The kernel's default of 12 holds one reader with readahead
// under the rate where the latency is long, and asynchronous I/O at every latency.
constexpr unsigned k_in_flight = 1024;
// From here on the kernel drops readahead that nobody waits for yet. Its default of 9 starves one
// reader; without a limit sixteen readers queue a quarter of a gigabyte, and each waits for the
// readahead of all the others.
constexpr unsigned k_congested = 48;

using OpenDirectory = std::vector<Tree::Entry>;

// What an open file or directory is in requests: a pointer of ours, as an integer.
template <typename Opened>
Opened* handle_of(const fuse_file_info* info) {
  return reinterpret_cast<Opened*>(info->fh);  // NOLINT(performance-no-int-to-ptr): libfuse's way
}

Responder& server_of(fuse_req_t request) {
  return *static_cast<Responder*>(fuse_req_userdata(request));
}

// Runs a callback's body; what it throws becomes the request's errno. What the file server would
// say takes its latency, too.
template <typename Body>
void guarded(fuse_req_t request, Body body) noexcept {
  Responder& server = server_of(request);
  try {
    try {
      body(server);
    } catch (const os::SystemError& error) {
      server.reply_later([request, code = error.code()] { fuse_reply_err(request, code); });
    }
  } catch (const std::bad_alloc&) {
    fuse_reply_err(request, ENOMEM);
  } catch (...) {
    fuse_reply_err(request, EIO);
  }
}

void on_init(void* server, fuse_conn_info* connection) {
  connection->max_background = k_in_flight;
  connection->congestion_threshold = k_congested;
  // libfuse derives the largest read (max_pages) from it.
  connection->max_write = static_cast<Responder*>(server)->request_bytes();
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  guarded(request, [&](Responder& server) {
    const Tree::Found found = server.tree().lookup(server.inode(parent), name);
    fuse_entry_param entry{};
    entry.ino = Responder::number_of(*found.inode);
    entry.attr = found.status;
    entry.attr_timeout = k_believed_s;
    entry.entry_timeout = k_believed_s;
    server.reply_later([&server, request, entry, inode = found.inode] {
      if (fuse_reply_entry(request, &entry) != 0) server.tree().forget(*inode, 1);
    });
  });
}

void on_forget(fuse_req_t request, fuse_ino_t number, std::uint64_t lookups) {
  Responder& server = server_of(request);
  server.tree().forget(server.inode(number), lookups);
  fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  Responder& server = server_of(request);
  for (std::size_t i = 0; i < count; ++i) {
    server.tree().forget(server.inode(forgets[i].ino), forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t number, fuse_file_info* /*file*/) {
  guarded(request, [&](Responder& server) {
    const struct stat status = server.tree().status_of(server.inode(number));
    server.reply_later([request, status] { fuse_reply_attr(request, &status, k_believed_s); });
  });
}

void on_readlink(fuse_req_t request, fuse_ino_t number) {
  guarded(request, [&](Responder& server) {
    server.reply_later([request, text = Tree::link_text(server.inode(number))] {
      fuse_reply_readlink(request, text.c_str());
    });
  });
}

void on_opendir(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  guarded(request, [&](Responder& server) {
    fuse_file_info reply = *info;
    auto* directory = new OpenDirectory(server.tree().list(server.inode(number)));
    reply.fh = reinterpret_cast<std::uint64_t>(directory);
    server.reply_later([request, reply, directory] {
      if (fuse_reply_open(request, &reply) != 0) delete directory;
    });
  });
}

void on_readdir(fuse_req_t request, fuse_ino_t /*number*/, std::size_t size, off_t offset,
                fuse_file_info* info) {
  guarded(request, [&](Responder& server) {
    const auto& entries = *handle_of<const OpenDirectory>(info);
    std::string listing(size, '\0');
    std::size_t used = 0;
    for (auto i = static_cast<std::size_t>(offset); i < entries.size(); ++i) {
      struct stat status {};
      status.st_ino = entries[i].number;
      status.st_mode = entries[i].type;
      const std::size_t needed =
          fuse_add_direntry(request, listing.data() + used, size - used, entries[i].name.c_str(),
                            &status, static_cast<off_t>(i + 1));
      if (needed > size - used) break;
      used += needed;
    }
    listing.resize(used);
    server.reply_later([request, listing = std::move(listing)] {
      fuse_reply_buf(request, listing.data(), listing.size());
    });
  });
}

void on_releasedir(fuse_req_t request, fuse_ino_t /*number*/, fuse_file_info* info) {
  delete handle_of<OpenDirectory>(info);
  fuse_reply_err(request, 0);
}

void on_open(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
  guarded(request, [&](Responder& server) {
    Responder::OpenFile* file = server.open(server.inode(number));
    fuse_file_info reply = *info;
    // Without keep_cache the kernel drops every cached page of the file at this open.
    reply.keep_cache = file->unchanged ? 1 : 0;
    // The size may be another one too: forget the attributes, as close-to-open demands.
    if (!file->unchanged) fuse_lowlevel_notify_inval_inode(server.session(), number, -1, 0);
    reply.fh = reinterpret_cast<std::uint64_t>(file);
    server.reply_later([request, reply, file, &server] {
      if (fuse_reply_open(request, &reply) != 0) server.close(file);
    });
  });
}

void on_read(fuse_req_t request, fuse_ino_t /*number*/, std::size_t size, off_t offset,
             fuse_file_info* info) {
  guarded(request, [&](Responder& server) {
    server.read(request, *handle_of<Responder::OpenFile>(info), size,
                static_cast<std::uint64_t>(offset));
  });
}

void on_release(fuse_req_t request, fuse_ino_t /*number*/, fuse_file_info* info) {
  server_of(request).close(handle_of<Responder::OpenFile>(info));
  fuse_reply_err(request, 0);
}

void on_statfs(fuse_req_t request, fuse_ino_t /*number*/) {
  guarded(request, [&](Responder& server) {
    const struct statvfs status = server.tree().file_system();
    server.reply_later([request, status] { fuse_reply_statfs(request, &status); });
  });
}

// An attribute's value: its size first where `size` is 0, as getxattr(2) and listxattr(2) ask.
void reply_value(fuse_req_t request, std::string_view value, std::size_t size) {
  if (size == 0) {
    fuse_reply_xattr(request, value.size());
  } else if (size < value.size()) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, value.data(), value.size());
  }
}

// Questions to the stand-in itself are answered at once: they are no part of the network.
void on_getxattr(fuse_req_t request, fuse_ino_t /*number*/, const char* name, std::size_t size) {
  guarded(request, [&](Responder& server) {
    if (std::strcmp(name, storage::k_bytes_served_attribute) == 0) {
      // A fixed width, so that the answer never outgrows the size that was asked for before.
      reply_value(request, fmt::format("{:020}", server.bytes_served()), size);
    } else if (std::strcmp(name, storage::k_stand_in_attribute) == 0) {
      reply_value(request, server.description(), size);
    } else {
      // Not ENOSYS: the kernel would never ask again.
      fuse_reply_err(request, ENODATA);
    }
  });
}

void on_listxattr(fuse_req_t request, fuse_ino_t number, std::size_t size) {
  std::string names;
  if (number == FUSE_ROOT_ID) {
    names = std::string(storage::k_bytes_served_attribute) + '\0' + storage::k_stand_in_attribute +
            '\0';
  }
  guarded(request, [&](Responder&) { reply_value(request, names, size); });
}

}  // namespace

const fuse_lowlevel_ops& Responder::callbacks() {
  static const fuse_lowlevel_ops k_callbacks = [] {
    fuse_lowlevel_ops table{};
    table.init = on_init;
    table.lookup = on_lookup;
    table.forget = on_forget;
    table.forget_multi = on_forget_multi;
    table.getattr = on_getattr;
    table.readlink = on_readlink;
    table.opendir = on_opendir;
    table.readdir = on_readdir;
    table.releasedir = on_releasedir;
    table.open = on_open;
    table.read = on_read;
    table.release = on_release;
    table.statfs = on_statfs;
    table.getxattr = on_getxattr;
    table.listxattr = on_listxattr;
    return table;
  }();
  return k_callbacks;
}

}  // namespace coldload::stand_in
