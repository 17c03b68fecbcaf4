require "include";
if false { include "nobody"; }
discard;
