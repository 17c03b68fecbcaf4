require "include"; include "round-b";
