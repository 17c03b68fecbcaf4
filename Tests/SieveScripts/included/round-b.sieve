require "include"; include "round-a";
