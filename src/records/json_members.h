// Structs to JSON objects and back, by one list of members that serves both ways.
//
//   std::span<const Member<Phase>> members_of(const Phase*) {
//     static constexpr std::array k_members{member<&Phase::name>("name"), ...};
//     return k_members;
//   }
//
// A struct with such a function beside it can be a member of others, alone, optional or in a list.
// So can one whose BOOST_DESCRIBE_STRUCT says which members its objects have, by their own names.
//
// Layer: records. Knows no record.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe/members.hpp>

#include "os/error.h"
#include "records/json_values.h"

namespace coldload::records {

template <typename T>
struct Member {
  std::string_view key;
  json::value (*write)(const T& object);
  // Of a value that is not null. Null for what follows from other members. Throws os::Error.
  void (*read)(json::value&& value, T* object);
};

template <typename T>
concept Described = boost::describe::has_describe_members<T>::value;
template <Described T>
[[nodiscard]] std::span<const Member<T>> members_of(const T* object);

template <typename T>
concept HasMembers = requires(const T* object) {
  members_of(object);
};

// Whether other versions may have written it: what is of another kind then is not known, and no
// error.
template <typename T>
inline constexpr bool k_read_leniently = false;

template <typename T>
[[nodiscard]] json::object to_object(const T& object, std::span<const Member<T>> members) {
  json::object out;
  out.reserve(members.size());
  for (const Member<T>& member : members) out[member.key] = member.write(object);
  return out;
}

// What is missing, null or, `leniently`, of another kind stays as it is; keys that nobody knows are
// passed over.
template <typename T, typename Object>
void from_object(Object& from, std::span<const Member<T>> members, bool leniently, T* object) {
  for (const Member<T>& member : members) {
    auto* const found = from.if_contains(member.key);
    if (found == nullptr || found->is_null() || member.read == nullptr) continue;
    try {
      member.read(json::value(std::move(*found)), object);  // a copy, where `from` is to stay
    } catch (const os::Error&) {
      if (!leniently) throw;
    }
  }
}

template <HasMembers T>
[[nodiscard]] json::value to_value(const T& object) {
  return to_object(object, members_of(&object));
}
template <HasMembers T>
[[nodiscard]] json::value to_value(const std::optional<T>& object) {
  return object ? to_value(*object) : json::value(nullptr);
}
template <HasMembers T>
[[nodiscard]] json::value to_value(const std::vector<T>& objects) {
  json::array out;
  out.reserve(objects.size());
  for (const T& object : objects) out.push_back(to_value(object));
  return out;
}
// What is only looked into is not taken out of the value: where that is in an arena, each of its
// parts would be copied.
template <HasMembers T>
void from_value(json::value&& value, T* object) {
  from_object(object_in(value), members_of(object), k_read_leniently<T>, object);
}

template <typename T>
void from_value(json::value&& value, std::vector<T>* list) {
  json::array& entries = array_in(value);
  std::vector<T> read(entries.size());
  for (std::size_t i = 0; i < read.size(); ++i) from_value(std::move(entries[i]), &read[i]);
  *list = std::move(read);
}
template <typename T>
void from_value(json::value&& value, std::optional<T>* known) {
  T read{};
  from_value(std::move(value), &read);
  *known = std::move(read);
}

namespace members {

template <typename T, typename M>
T class_of(M T::*);
template <auto First>
using ClassOf = decltype(class_of(First));

template <auto First, auto... Rest, typename T>
auto& at(T& object) {
  if constexpr (sizeof...(Rest) == 0) {
    return object.*First;
  } else {
    return at<Rest...>(object.*First);
  }
}

}  // namespace members

// The member `First`, or what `Rest` leads to within it.
template <auto First, auto... Rest>
[[nodiscard]] constexpr auto member(std::string_view key) {
  using T = members::ClassOf<First>;
  return Member<T>{
      key,
      [](const T& object) -> json::value { return to_value(members::at<First, Rest...>(object)); },
      [](json::value&& value, T* object) {
        from_value(std::move(value), &members::at<First, Rest...>(*object));
      }};
}

template <Described T>
std::span<const Member<T>> members_of(const T* /*object*/) {
  using All = boost::describe::describe_members<T, boost::describe::mod_public>;
  static constexpr auto k_members =
      []<template <typename...> typename List, typename... M>(List<M...> /*members*/) {
        return std::array{member<M::pointer>(M::name)...};
      }(All());
  return k_members;
}

// A count, 0 for not known.
template <auto First>
[[nodiscard]] constexpr auto known_count(std::string_view key) {
  using T = members::ClassOf<First>;
  Member<T> counted = member<First>(key);
  counted.write = [](const T& object) {
    return object.*First == 0 ? json::value(nullptr) : json::value(object.*First);
  };
  return counted;
}

// An optional rate or time, above 0.
template <auto First, auto... Rest>
[[nodiscard]] constexpr auto positive(std::string_view key) {
  using T = members::ClassOf<First>;
  Member<T> rate = member<First, Rest...>(key);
  rate.read = [](json::value&& value, T* object) {
    double number = 0;
    from_value(std::move(value), &number);
    if (number <= 0) throw os::Error("is not above 0");
    members::at<First, Rest...>(*object) = number;
  };
  return rate;
}

// What follows from other members: written, never read.
template <typename T>
[[nodiscard]] constexpr Member<T> derived(std::string_view key, json::value (*write)(const T&)) {
  return {key, write, nullptr};
}

}  // namespace coldload::records
