// What this process is about to do, for whoever waits for it to be done: each file that is looked
// at or read is a sign of life, however many there are.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <functional>
#include <string>

namespace coldload::os {

// Called before each step that storage may let hang. `action` and `path` as in SystemError: "read",
// "/mnt/x". Costs nothing where nobody is told. From any thread.
void about_to(const char* action, const std::string& path);

// The same of what a process does for this one, in its words.
void pass_on_step(const std::string& step);

// Who is told of all steps of this process from now on, by whichever thread takes them; nobody
// where empty. To be called while there is one thread. What is told must outlive the last step.
void tell_steps_to(std::function<void(const std::string& step)> listener);

}  // namespace coldload::os
