#include "start_set/start_set.h"

#include <gtest/gtest.h>

namespace coldload::start_set {
namespace {

TEST(StartGroup, CodeIsTheProgramWhereverItLies) {
  for (const char* const path :
       {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/srv/u/venv/lib/python3.12/site-packages/a.json",
        "/srv/app/server.py", "/opt/vllm/bin/vllm", "/data/libfoo.so.1.2"}) {
    EXPECT_EQ(group_of(path), Group::program) << path;
  }
}

TEST(StartGroup, TheRestIsNot) {
  for (const char* const path : {"/etc/hosts", "/srv/u/config.json", "/data/librarian"}) {
    EXPECT_EQ(group_of(path), Group::other) << path;
  }
}

}  // namespace
}  // namespace coldload::start_set
