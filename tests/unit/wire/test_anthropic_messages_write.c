/* test_anthropic_messages_write.c: requests of OpenAI's dialect as Anthropic gets them. */

#include "support/translate_check.h"

#define M(messages) "{'model':'m','messages':[" messages "]}"
#define U           "{'role':'user','content':'hi'}"
#define WITH(more)  "{'model':'m'," more ",'messages':[" U "]}"
#define HEAD        "{'model':'claude','max_tokens':4096"
#define HI          ",'messages':[{'role':'user','content':'hi'}]}"
#define TOOL        "{'type':'function','function':{'name':'f'}}"
#define TOOL_OUT    "{'name':'f','input_schema':{'type':'object','properties':{}}}"

static const struct wire_options options = {
    .model = SLICE_INIT("claude"),
    .reasoning = WIRE_REASONING_BUDGET,
    .max_tokens_default = 4096,
};

#define CHECK(o, table) check_translated(&to_anthropic, (o), (table), ARRAY_LEN(table))

static void system_and_developer_messages_become_one_system(void **state)
{
    static const struct translated table[] = {
        {M("{'role':'system','content':'a'}," U),                                          HEAD ",'system':'a'" HI},
        {M("{'role':'system','content':'a'}," U ",{'role':'developer','content':'b\\n'}"),
         HEAD ",'system':'a\\nb\\n'" HI                                                                           },
        {M("{'role':'system','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}"
           "," U),
         HEAD ",'system':'a\\nb'" HI                                                                              },
        {M("{'role':'system','content':''},{'role':'system','content':' \\n'}," U),        HEAD HI                },
        {M("{'role':'system','content':'a'},{'role':'system','content':[{'type':'text','text':'b',"
           "'cache_control':{'type':'ephemeral'}}]}," U),
         HEAD ",'system':[{'type':'text','text':'a'},{'type':'text','text':'b','cache_control':{"
              "'type':'ephemeral'}}]" HI                                                                          },
        {M("{'content':'a','cache_control':{'type':'ephemeral'},'role':'system'}," U),
         HEAD ",'system':[{'type':'text','text':'a','cache_control':{'type':'ephemeral'}}]" HI                    },
    };

    (void)state;
    CHECK(&options, table);
}

static void users_say_text_images_and_documents(void **state)
{
    static const struct translated table[] = {
        {M("{'role':'user','name':'bob','content':[{'type':'text','text':'a'},{'type':'text',"
           "'text':'b'}]}"),
         HEAD ",'messages':[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text',"
              "'text':'b'}]}]}"                                                                      },
        {M("{'role':'user','content':[{'type':'text','text':'hi'}]}"),                        HEAD HI},
        {M("{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image/"
           "png;base64,"
           "AA==','detail':'high'}}]}"),
         HEAD ",'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64',"
              "'media_type':'image/png','data':'AA=='}}]}]}"                                         },
        {M("{'role':'user','content':[{'type':'image_url','image_url':'https://h/x.png'}]}"),
         HEAD ",'messages':[{'role':'user','content':[{'type':'image','source':{'type':'url','url':"
              "'https://h/x.png'}}]}]}"                                                              },
 /* as PHP writes it, and with the wrong name of a JPEG */
        {M("{'role':'user','content':[{'type':'image_url','image_url':{'url':'data:image\\/jpeg;"
           "base64,\\/9j\\/'}},{'type':'image_url','image_url':{'url':'data:image/jpg;x=y;base64,"
           "AA'}},{'type':'image_url','image_url':{'url':'https:\\/\\/h'}}]}"),
         HEAD ",'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64',"
              "'media_type':'image\\/jpeg','data':'\\/9j\\/'}},{'type':'image','source':{'type':"
              "'base64','media_type':'image/jpeg','data':'AA'}},{'type':'image','source':{'type':"
              "'url','url':'https:\\/\\/h'}}]}]}"                                                    },
        {M("{'role':'user','content':[{'type':'file','file':{'filename':'a.pdf','file_data':'data:"
           "application/pdf;base64,JVBE'},'cache_control':{'type':'ephemeral'}}]}"),
         HEAD ",'messages':[{'role':'user','content':[{'type':'document','source':{'type':'base64',"
              "'media_type':'application/pdf','data':'JVBE'},'title':'a.pdf','cache_control':{"
              "'type':'ephemeral'}}]}]}"                                                             },
    };

    (void)state;
    CHECK(&options, table);
}

static void empty_text_is_left_out(void **state)
{
    static const struct translated table[] = {
        {M("{'role':'user','content':[{'type':'text','text':''},{'type':'text','text':'hi'},{'type'"
           ":"
           "'text','text':' \\t\\u0020'}]}"),
         HEAD HI                                                                                            },
        {M(U ",{'role':'assistant','content':''},{'role':'user','content':'more'}"),
         HEAD ",'messages':[{'role':'user','content':'hi'},{'role':'user','content':'more'}]}"              },
        {M(U ",{'role':'assistant','content':null},{'role':'assistant','content':[]}"),              HEAD HI},
        {M(U ",{'role':'assistant','content':null,'refusal':'no'},{'role':'user','content':'why'}"),
         HEAD ",'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'no'},{"
              "'role':'user','content':'why'}]}"                                                            },
    };

    (void)state;
    CHECK(&options, table);
}

#define CALLS(...) "{'role':'assistant','content':null,'tool_calls':[" __VA_ARGS__ "]}"
#define CALL(id, args)                                                                             \
    "{'id':'" id "','type':'function','function':{'name':'f','arguments':'" args "'}}"
#define USE(id, input)    "{'type':'tool_use','id':'" id "','name':'f','input':" input "}"
#define RESULT(id, text)  "{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define RESULT_OUT(id, t) "{'type':'tool_result','tool_use_id':'" id "','content':'" t "'}"
#define USED(...)         "{'role':'assistant','content':[" __VA_ARGS__ "]}"

static void results_of_tools_are_one_turn_and_first_in_it(void **state)
{
    static const struct translated table[] = {
        {M(U "," CALLS(CALL("a",                                                            "{}") "," CALL(
             "b",                                                   "{\\\"x\\\": [1.0,\\\"\\\\u00e9\\\"]}")) "," RESULT("a",
         "1") "," RESULT("b",
         "2") ",{'role'"
                                                                                      ":'user',"
                                                                                      "'content"
                                                                                      "':'and?'"
                                                                                      "}"),
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(USE("a", "{}") "," USE(
             "b", "{'x':"
             " [1."
             "0,'"
             "\\u00"
             "e9']"
             "}")) ",{'role':'user','content':[" RESULT_OUT("a",
         "1") "," RESULT_OUT("b",
         "2") ",{'type':'"
                                                                                     "text','text':"
                                                                                     "'and?'}]}]}"},
 /* a system message between them does not part them */
        {M(U "," CALLS(CALL("a", "") "," CALL("b",                          " \\n")) "," RESULT(
             "a",                                                                  "1") ",{'role':'system','content':'s'}," RESULT("b", "2")),
         HEAD
         ",'system':'s','messages':[{'role':'user','content':'hi'}," USED(USE("a", "{}") "," USE(
             "b", "{}")) ",{'role':'user','content':[" RESULT_OUT("a",
         "1") "," RESULT_OUT("b",
         "2") "]}]"
                                                                                           "}"},
 /* what is said between them follows them */
        {M(U "," CALLS(CALL("a",                                                           "{}") "," CALL("b", "{}")) "," RESULT(
             "a",                                                        "1") ",{'role':'user','content':'x'}," RESULT("b", "2")),
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(USE("a", "{}") "," USE(
             "b", "{}")) ",{'role':'user','content':[" RESULT_OUT("a",
         "1") "," RESULT_OUT("b",
         "2") ",{'type'"
                                                                                      ":'text',"
                                                                                      "'text':'"
                                                                                      "x'}]}]"
                                                                                      "}"},
        {M(U ",{'role':'assistant','content':'I call','tool_calls':[" CALL(
             "functions.f:0",                                                                 "{}") "]},{'role':'tool','tool_call_id':'functions.f:0','content':[{"
                   "'type':'text','text':'a'},{'type':'text','text':''},{'type':'text','text':'"
                   "b'}]}," RESULT("c",                                                        "")),
         HEAD
         ",'messages':[{'role':'user','content':'hi'}," USED("{'type':'text','text':'I call'}," USE(
             "functions_f_0", "{}")) ",{'role':'user',"
                                     "'content':[{'type':'tool_result','tool_use_id':'"
                                     "functions_f_0','content':[{'type':"
                                     "'text','text':'a'},{'type':'text','text':'b'}]},{'"
                                     "type':'tool_result','tool_use_id':"
                                     "'c'}]}]}"},
        {M(U "," CALLS("{'id':'a','function':{'name':'f'}}") ",{'role':'tool','tool_call_id':'a',"
                                                             "'content':'1','cache_control':{'"
                                                             "type':'ephemeral'}}"),
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(
             USE("a", "{}")) ",{'role':'user',"
                             "'content':[{'type':'tool_result','tool_use_id':'a','content':'1',"
                             "'cache_control':{"
                             "'type':'ephemeral'}}]}]}"    },
    };

    (void)state;
    CHECK(&options, table);
}

static void what_was_thought_comes_back_signed(void **state)
{
    static const struct translated table[] = {
        {M(U
           ",{'role':'assistant','content':'x','reasoning_content':'t','thinking_blocks':[{'type':"
           "'thinking','thinking':'t\\n','signature':'c2ln'},{'type':'redacted_thinking','data':"
           "'ZGF0'}],'tool_calls':[" CALL("a",            "{}") "]}," RESULT("a",                                                           "1")),
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(
             "{'type':'thinking','thinking':'t\\n','signature':'c2ln'},{'type':'redacted_thinking',"
             "'data':'ZGF0'},{'type':'text','text':'x'}," USE("a", "{}")) ",{'role':'user',"
                                                                          "'content':[" RESULT_OUT(
                                                                              "a", "1") "]}]}"},
 /* nobody signed it */
        {M(U ",{'role':'assistant','content':'x','reasoning_content':'t'}," U),
         HEAD ",'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'x'},{"
              "'role':'user','content':'hi'}]}"},
    };

    (void)state;
    CHECK(&options, table);
}

static void an_answer_that_is_begun_ends_without_white_space(void **state)
{
    static const struct translated table[] = {
        {M(U ",{'role':'assistant','content':'so \\n\\t '}"), HEAD
         ",'messages':[{'role':'user','content':'hi'}," USED("{'type':'text','text':'so'}") "]}"},
        {M(U ",{'role':'assistant','content':'c:\\\\n'}"),
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(
             "{'type':'text','text':'c:\\\\n'}") "]}"                                                                                                        },
        {M(U ",{'role':'assistant','content':'so '}," U),
         HEAD ",'messages':[{'role':'user','content':'hi'},{'role':'assistant','content':'so '},{"
              "'role':'user','content':'hi'}]}"                                                                                                              },
    };

    (void)state;
    CHECK(&options, table);
}

static void tools_and_choices(void **state)
{
    static const struct translated table[] = {
        {WITH("'tools':[{'type':'function','function':{'name':'f','description':'d','strict':true,"
              "'parameters':{ 'z':1.0, 'a':12345678901234567890, 'z':2 }},'cache_control':{'type':"
              "'ephemeral'}}," TOOL "]"),
         HEAD ",'tools':[{'name':'f','description':'d','input_schema':{ 'z':1.0, 'a':"
              "12345678901234567890, 'z':2 },'cache_control':{'type':'ephemeral'}}," TOOL_OUT
              "]" HI                                                                                  },
        {WITH("'tools':[{'type':'function','function':{'name':'f','parameters':{ }}}]"),
         HEAD ",'tools':[" TOOL_OUT "]" HI                                                            },
        {WITH("'tools':[" TOOL "],'tool_choice':'auto'"),
         HEAD ",'tool_choice':{'type':'auto'},'tools':[" TOOL_OUT "]" HI                              },
        {WITH("'tools':[" TOOL "],'tool_choice':'required'"),
         HEAD ",'tool_choice':{'type':'any'},'tools':[" TOOL_OUT "]" HI                               },
        {WITH("'tools':[" TOOL "],'tool_choice':'none','parallel_tool_calls':false"),
         HEAD ",'tool_choice':{'type':'none'},'tools':[" TOOL_OUT "]" HI                              },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'function','function':{'name':'f'}}"),
         HEAD ",'tool_choice':{'type':'tool','name':'f'},'tools':[" TOOL_OUT "]" HI                   },
        {WITH("'tools':[" TOOL "],'parallel_tool_calls':false"),
         HEAD ",'tool_choice':{'type':'auto','disable_parallel_tool_use':true},'tools':[" TOOL_OUT
              "]" HI                                                                                  },
        {WITH("'tool_choice':'required','tools':[" TOOL "],'parallel_tool_calls':false"),
         HEAD ",'tool_choice':{'type':'any','disable_parallel_tool_use':true},'tools':[" TOOL_OUT
              "]" HI                                                                                  },
        {WITH("'tools':[" TOOL "],'parallel_tool_calls':true,'tool_choice':null"),
         HEAD ",'tools':[" TOOL_OUT "]" HI                                                            },
 /* no tools: nothing to choose from */
        {WITH("'tools':[],'tool_choice':'auto','parallel_tool_calls':false"),                  HEAD HI},
        {WITH("'tools':null,'tool_choice':'none'"),                                            HEAD HI},
    };

    (void)state;
    CHECK(&options, table);
}

static void parameters_of_the_answer(void **state)
{
    static const struct translated table[] = {
        {WITH("'max_tokens':7"),                                                                       "{'model':'claude','max_tokens':7" HI      },
        {WITH("'max_completion_tokens':8,'max_tokens':7"),                                             "{'model':'claude','max_tokens':8" HI      },
        {WITH("'max_tokens':7,'max_completion_tokens':8"),                                             "{'model':'claude','max_tokens':8" HI      },
        {WITH("'max_tokens':null"),                                                                    HEAD HI                                    },
        {WITH("'stream':true,'stream_options':{'include_usage':true}"),                                HEAD ",'stream':true" HI                   },
        {WITH("'temperature':0.70"),                                                                   HEAD ",'temperature':0.70" HI              },
        {WITH("'temperature':1.0"),                                                                    HEAD ",'temperature':1.0" HI               },
        {WITH("'temperature':1.5"),                                                                    HEAD ",'temperature':1" HI                 },
        {WITH("'temperature':2e0,'top_p':0.9"),                                                        HEAD ",'temperature':1,'top_p':0.9" HI     },
        {WITH("'top_k':40"),                                                                           HEAD ",'top_k':40" HI                      },
        {WITH("'stop':'x'"),                                                                           HEAD ",'stop_sequences':['x']" HI          },
        {WITH("'stop':['x','\\n\\ny']"),                                                               HEAD ",'stop_sequences':['x','\\n\\ny']" HI},
        {WITH("'stop':null"),                                                                          HEAD HI                                    },
        {WITH("'stop':[]"),                                                                            HEAD HI                                    },
        {WITH("'user':'u1'"),                                                                          HEAD ",'metadata':{'user_id':'u1'}" HI     },
        {WITH("'user':'u1','safety_identifier':'s1'"),                                                 HEAD ",'metadata':{'user_id':'s1'}" HI     },
        {WITH("'safety_identifier':'s1','user':'u1'"),                                                 HEAD ",'metadata':{'user_id':'s1'}" HI     },
        {WITH("'response_format':{'type':'text'}"),                                                    HEAD HI                                    },
        {WITH("'response_format':{'type':'json_schema','json_schema':{'name':'n','strict':true,"
              "'schema':{'b':1,  'a':2}}}"),
         HEAD ",'output_config':{'format':{'type':'json_schema','schema':{'b':1,  'a':2}}}" HI                                                    },
        {WITH("'n':1,'logprobs':false,'top_logprobs':0,'logit_bias':{},'modalities':['text']"),
         HEAD HI                                                                                                                                  },
        {WITH("'seed':7,'store':true,'metadata':{'a':'b'},'prediction':{'type':'content','content':"
              "''},'service_tier':'flex','verbosity':'low','presence_penalty':1,"
              "'frequency_penalty':1,'prompt_cache_key':'k','prompt_cache_retention':'24h'"),
         HEAD HI                                                                                                                                  },
 /* what nobody here knows is passed on */
        {WITH("'new_member':{'a': [1]},'inference_geo':'us'"),
         HEAD ",'new_member':{'a': [1]},'inference_geo':'us'" HI                                                                                  },
    };

    (void)state;
    CHECK(&options, table);
}

static void models_that_want_it_otherwise(void **state)
{
    static const struct wire_options picky = {
        .model = SLICE_INIT("cl\"aude"),
        .strict_tools = true,
        .temperature_xor_top_p = true,
        .max_tokens_default = 4096,
        .max_tokens_limit = 5000,
    };
    static const struct translated table[] = {
        {WITH("'max_tokens':9000,'temperature':0.5,'top_p':0.9,'reasoning_effort':'high'"),
         "{'model':'cl\\'aude','max_tokens':5000,'temperature':0.5" HI},
        {WITH("'top_p':0.9,'tools':[{'type':'function','function':{'name':'f','strict':true}}]"),
         "{'model':'cl\\'aude','max_tokens':4096,'top_p':0.9,'tools':[{'name':'f','input_schema':{"
         "'type':'object','properties':{}},'strict':true}]" HI        },
    };
    static const struct wire_options cold = {
        .model = SLICE_INIT("claude"), .no_sampling = true, .max_tokens_default = 4096};
    static const struct translated none[] = {
        {WITH("'temperature':0.5,'top_p':0.9,'top_k':3"), HEAD HI},
    };

    (void)state;
    CHECK(&picky, table);
    CHECK(&cold, none);
}

static void effort_is_a_budget(void **state)
{
    static const struct translated table[] = {
        {WITH(
             "'max_tokens':20000,'reasoning_effort':'low','temperature':0.5,'top_p':0.5,'top_k':3"),
         "{'model':'claude','max_tokens':20000,'thinking':{'type':'enabled','budget_tokens':"
         "2048}" HI                                                                                                                     },
        {WITH("'max_tokens':20000,'reasoning_effort':'medium'"),
         "{'model':'claude','max_tokens':20000,'thinking':{'type':'enabled','budget_tokens':"
         "8192}" HI                                                                                                                     },
        {WITH("'max_tokens':20000,'reasoning_effort':'high'"),
         "{'model':'claude','max_tokens':20000,'thinking':{'type':'enabled','budget_tokens':"
         "15000}" HI                                                                                                                    },
        {WITH("'reasoning_effort':'minimal'"),
         HEAD ",'thinking':{'type':'enabled','budget_tokens':1024}" HI                                                                  },
        {WITH("'reasoning_effort':'xhigh'"),
         HEAD ",'thinking':{'type':'enabled','budget_tokens':3072}" HI                                                                  },
        {WITH("'max_tokens':1025,'reasoning_effort':'high'"),
         "{'model':'claude','max_tokens':1025,'thinking':{'type':'enabled','budget_tokens':"
         "1024}" HI                                                                                                                     },
 /* no room for the least budget */
        {WITH("'max_tokens':1024,'reasoning_effort':'high','temperature':0"),
         "{'model':'claude','max_tokens':1024,'temperature':0" HI                                                                       },
        {WITH("'reasoning_effort':'none','temperature':0"),                                                   HEAD ",'temperature':0" HI},
        {WITH("'reasoning_effort':null"),                                                                     HEAD HI                   },
 /* the client's own word wins */
        {WITH("'reasoning_effort':'low','thinking':{'type':'enabled', 'budget_tokens':5000},"
              "'temperature':0"),
         "{'model':'claude','max_tokens':9096,'thinking':{'type':'enabled', "
         "'budget_tokens':5000}" HI                                                                                                     },
        {WITH("'reasoning_effort':'low','thinking':{'type':'disabled'},'temperature':0"),
         HEAD ",'temperature':0,'thinking':{'type':'disabled'}" HI                                                                      },
 /* a loop of tools whose turns do not say what was thought in them */
        {"{'model':'m','reasoning_effort':'low','messages':[" U
         "," CALLS(CALL("a",                                                                         "{}")) "," RESULT("a",      "1") "]}",
         HEAD ",'messages':[{'role':'user','content':'hi'}," USED(
             USE("a", "{}")) ",{'role':'user',"
                             "'content':[" RESULT_OUT("a", "1") "]}]}"},
 /* that loop is over */
        {"{'model':'m','reasoning_effort':'low','messages':[" U "," CALLS(
             CALL("a",                                                                                         "{}")) "," RESULT("a",                                                           "1") ",{'role':'assistant','content':'x'}," U "]}",
         HEAD
         ",'thinking':{'type':'enabled','budget_tokens':2048},'messages':[{'role':'user',"
         "'content':'hi'}," USED(USE("a", "{}")) ",{'role':'user','content':[" RESULT_OUT(
             "a", "1") "]},{'role':'assistant','content':'x'},{'role':'user','content':'hi'}]}"},
 /* one that says it */
        {"{'model':'m','reasoning_effort':'low','messages':[" U ",{'role':'assistant',"
         "'thinking_blocks':[{'type':'redacted_thinking','data':'ZA'}],'tool_calls':[" CALL(
             "a",                                                                                                   "{}") "]}," RESULT("a",                                                                                                         "1") "]}",
         HEAD ",'thinking':{'type':'enabled','budget_tokens':2048},'messages':[{'role':'user',"
              "'content':'hi'}," USED("{'type':'redacted_thinking','data':'ZA'}," USE(
                  "a", "{}")) ",{'role':'user','content':[" RESULT_OUT("a", "1") "]}]}"},
 /* an answer that is begun */
        {"{'model':'m','reasoning_effort':'low','messages':[" U ",{'role':'assistant','content':"
         "'x'}]}",                                                 HEAD
         ",'messages':[{'role':'user','content':'hi'}," USED("{'type':'text','text':'x'}") "]}"                                                                                                },
    };

    (void)state;
    CHECK(&options, table);
}

static void effort_as_newer_models_take_it(void **state)
{
    struct wire_options o = options;
    static const struct translated adaptive[] = {
        {WITH("'reasoning_effort':'minimal','temperature':0"),
         HEAD ",'thinking':{'type':'adaptive'},'output_config':{'effort':'low'}" HI},
        {WITH("'reasoning_effort':'xhigh','response_format':{'type':'json_schema','json_schema':{"
              "'name':'n','schema':{}}}"),
         HEAD ",'thinking':{'type':'adaptive'},'output_config':{'effort':'max','format':{'type':"
              "'json_schema','schema':{}}}" HI                                     },
    };
    static const struct translated omitted[] = {
        {WITH("'reasoning_effort':'low'"),
         HEAD ",'thinking':{'type':'adaptive','display':'summarized'},'output_config':{'effort':"
              "'low'}" HI                                                                                     },
        {WITH("'reasoning_effort':'none'"),                          HEAD HI                                  },
 /* the client's own words stay as they are */
        {WITH("'thinking':{'type':'adaptive'}"),                     HEAD ",'thinking':{'type':'adaptive'}" HI},
        {WITH("'thinking':{'type':'adaptive','display':'omitted'}"),
         HEAD ",'thinking':{'type':'adaptive','display':'omitted'}" HI                                        },
    };
    static const struct translated alone[] = {
        {WITH("'reasoning_effort':'medium','temperature':0"),
         HEAD ",'temperature':0,'output_config':{'effort':'medium'}" HI},
    };

    (void)state;
    o.reasoning = WIRE_REASONING_ADAPTIVE;
    CHECK(&o, adaptive);
    o.thinking_omitted = true;
    CHECK(&o, omitted);
    o.thinking_omitted = false;
    o.reasoning = WIRE_REASONING_EFFORT;
    CHECK(&o, alone);
}

static void what_cannot_be_said_is_named(void **state)
{
    static const struct refused table[] = {
        {WITH("'n':2"),                                                                FAULT_UNSUPPORTED,   "n"                                    },
        {WITH("'logprobs':true"),                                                      FAULT_UNSUPPORTED,   "logprobs"                             },
        {WITH("'top_logprobs':2"),                                                     FAULT_UNSUPPORTED,   "top_logprobs"                         },
        {WITH("'logit_bias':{'50256':-100}"),                                          FAULT_UNSUPPORTED,   "logit_bias"                           },
        {WITH("'modalities':['text','audio']"),                                        FAULT_UNSUPPORTED,   "modalities[1]"                        },
        {WITH("'audio':{'voice':'x'}"),                                                FAULT_UNSUPPORTED,   "audio"                                },
        {WITH("'web_search_options':{}"),                                              FAULT_UNSUPPORTED,   "web_search_options"                   },
        {WITH("'functions':[{}]"),                                                     FAULT_UNSUPPORTED,   "functions"                            },
        {WITH("'function_call':'auto'"),                                               FAULT_UNSUPPORTED,   "function_call"                        },
        {WITH("'response_format':{'type':'json_object'}"),                             FAULT_UNSUPPORTED,
         "response_format.type"                                                                                                                    },
        {WITH("'stop':'\\n'"),                                                         FAULT_UNSUPPORTED,   "stop"                                 },
        {WITH("'stop':['x','']"),                                                      FAULT_UNSUPPORTED,   "stop[1]"                              },
        {WITH("'tools':[{'type':'custom','custom':{'name':'x'}}]"),                    FAULT_UNSUPPORTED,
         "tools[0].type"                                                                                                                           },
        {WITH("'tools':[" TOOL "],'tool_choice':{'type':'allowed_tools'}"),            FAULT_UNSUPPORTED,
         "tool_choice.type"                                                                                                                        },
        {WITH("'tool_choice':'required'"),                                             FAULT_INVALID_VALUE, "tool_choice"                          },
        {WITH("'tools':[" TOOL "],'tool_choice':'required','reasoning_effort':'low'"),
         FAULT_UNSUPPORTED,                                                                                 "tool_choice"                          },
        {WITH("'system':'x'"),                                                         FAULT_UNSUPPORTED,   "system"                               },
        {WITH("'stop_sequences':['x']"),                                               FAULT_UNSUPPORTED,   "stop_sequences"                       },
        {WITH("'output_conf\\u0069g':{}"),                                             FAULT_UNSUPPORTED,   "output_conf\\u0069g"                  },
        {M("{'role':'user','content':[{'type':'input_audio','input_audio':{'data':'','format':"
           "'wav'}}]}"),
         FAULT_UNSUPPORTED,                                                                                 "messages[0].content[0].type"          },
        {M("{'role':'user','content':[{'type':'file','file':{'file_id':'f'}}]}"),      FAULT_UNSUPPORTED,
         "messages[0].content[0].file.file_id"                                                                                                     },
        {M("{'role':'user','content':[{'type':'file','file':{'file_data':'data:text/csv;base64,"
           "AA'}}]}"),
         FAULT_UNSUPPORTED,                                                                                 "messages[0].content[0].file.file_data"},
        {M("{'role':'function','name':'f','content':'x'}"),                            FAULT_UNSUPPORTED,   "messages[0].role"                     },
        {M(U ",{'role':'assistant','function_call':{'name':'f','arguments':''}}"),
         FAULT_UNSUPPORTED,                                                                                 "messages[1].function_call"            },
        {M(U ",{'role':'assistant','audio':{'id':'x'}}"),                              FAULT_UNSUPPORTED,   "messages[1].audio"                    },
        {M(U ",{'role':'assistant','tool_calls':[{'id':'a','type':'custom'}]}"),       FAULT_UNSUPPORTED,
         "messages[1].tool_calls[0].type"                                                                                                          },
    };

    (void)state;
    check_refused(&to_anthropic, &options, table, ARRAY_LEN(table));
}

#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void a_url_of_other_bytes_than_base64_is_refused_however_long(void **state)
{
    static const struct refused table[] = {
        {M("{'role':'user','content':[{'type':'image_url','image_url':'data:image/png," X64 X64 X64
               X64 X64 "'}]}"),
         FAULT_INVALID_VALUE, "messages[0].content[0].image_url"},
    };

    (void)state;
    check_refused(&to_anthropic, &options, table, ARRAY_LEN(table));
}

static void what_is_wrong_is_named(void **state)
{
    static const struct refused table[] = {
        {M(U
           ",{'role':'user','content':[{'type':'text','text':'a'},{'type':'image_url','image_url':"
           "{'url':'ftp://x'}}]}"),
         FAULT_INVALID_VALUE,                                                                                          "messages[1].content[1].image_url.url"},
        {M("{'role':'user','content':[{'type':'image_url','image_url':'data:image/png,x'}]}"),
         FAULT_INVALID_VALUE,                                                                                          "messages[0].content[0].image_url"},
        {M("{'role':'user','content':[{'type':'image_url','image_url':{}}]}"),                 FAULT_MISSING_MEMBER,
         "messages[0].content[0].image_url.url"},
        {M("{'role':'user','content':[{'type':'image_url'}]}"),                                FAULT_MISSING_MEMBER,
         "messages[0].content[0].image_url"},
        {M("{'role':'user','content':[{'type':'file'}]}"),                                     FAULT_MISSING_MEMBER,
         "messages[0].content[0].file"},
        {M("{'role':'user','content':[{'type':'file','file':{}}]}"),                           FAULT_MISSING_MEMBER,
         "messages[0].content[0].file.file_data"},
        {M("{'role':'user','content':[{'type':'file','file':{'file_data':'JVBE'}}]}"),
         FAULT_INVALID_VALUE,                                                                                          "messages[0].content[0].file.file_data"},
        {M("{'role':'user','content':[{'text':'a'}]}"),                                        FAULT_MISSING_MEMBER,
         "messages[0].content[0].type"},
        {M("{'role':'user','content':[{'type':'text'}]}"),                                     FAULT_MISSING_MEMBER,
         "messages[0].content[0].text"},
        {M("{'role':'user','content':[{'type':'text','text':7}]}"),                            FAULT_WRONG_TYPE,
         "messages[0].content[0].text"},
        {M("{'role':'user','content':['a']}"),                                                 FAULT_WRONG_TYPE,       "messages[0].content[0]"},
        {M("{'role':'user','content':7}"),                                                     FAULT_WRONG_TYPE,       "messages[0].content"},
        {M("{'content':'a'}"),                                                                 FAULT_MISSING_MEMBER,   "messages[0].role"},
        {M("{'role':'robot','content':'a'}"),                                                  FAULT_INVALID_VALUE,    "messages[0].role"},
        {M("{'role':'user','role':'user','content':'a'}"),                                     FAULT_DUPLICATE_MEMBER,
         "messages[0].role"},
        {M("{'role':'system','content':[{'type':'image_url','image_url':'https://x'}]}"),
         FAULT_INVALID_VALUE,                                                                                          "messages[0].content[0]"},
        {M("{'role':'user','content':'a','tool_calls':[" CALL("a",                             "{}") "]}"),            FAULT_INVALID_VALUE,
         "messages[0].tool_calls[0]"},
        {M(U "," CALLS(CALL("a",                                                                                    "{}") "," CALL("b",                                                                                     "{'x':"))),FAULT_INVALID_JSON, ""},
        {M(U "," CALLS(CALL("a",                                                                  "{}") "," CALL("b",                                                                                      "{\\\"x\\\":"))),                                                                                                       FAULT_INVALID_VALUE,
         "messages[1].tool_calls[1].function.arguments"},
        {M(U "," CALLS(CALL("a", "[]"))),FAULT_INVALID_VALUE,
         "messages[1].tool_calls[0].function.arguments"},
        {M(U "," CALLS(CALL("a",                                                                                    "{} x"))),                                                                                     FAULT_INVALID_VALUE,
         "messages[1].tool_calls[0].function.arguments"},
        {M(U "," CALLS("{'id':'a','function':{'name':'f','arguments':{}}}")),                                       FAULT_WRONG_TYPE,
         "messages[1].tool_calls[0].function.arguments"},
        {M(U "," CALLS("{'id':'a','function':{}}")),                                                                 FAULT_MISSING_MEMBER,
         "messages[1].tool_calls[0].function.name"},
        {M(U "," CALLS("{'id':'a'}")),                              FAULT_MISSING_MEMBER,                                                               "messages[1].tool_calls[0].function"                       },
        {M(U "," CALLS("{'function':{'name':'f'}}")),FAULT_MISSING_MEMBER,
         "messages[1].tool_calls[0].id"     },
        {M(U ",{'role':'tool','content':'x'}"),                                   FAULT_MISSING_MEMBER,"messages[1].tool_call_id"},
        {M(U ",{'role':'assistant','thinking_blocks':[{'thinking':'x'}]}"),                                                                 FAULT_MISSING_MEMBER,
         "messages[1].thinking_blocks[0].type"},
        {M("{'role':'system','content':'a'}"),                              FAULT_INVALID_VALUE,                                                                    "messages"                                                                                                                                    },
        {M("{'role':'user','content':' '}"),FAULT_INVALID_VALUE,                                                                        "messages"},
        {WITH("'tools':{}"),                                    FAULT_WRONG_TYPE,"tools"},
        {WITH("'tools':[7]"),                                                                  FAULT_WRONG_TYPE,       "tools[0]"},
        {WITH("'tools':[{'type':'function'}]"),                                 FAULT_MISSING_MEMBER,                                                                    "tools[0].function"                                                                                                                                                                                                                           },
        {WITH("'tools':[{'function':{}}]"),   FAULT_MISSING_MEMBER,         "tools[0].function.name"},
        {WITH("'tools':[{'function':{'name':'f','parameters':[]}}]"),                                FAULT_WRONG_TYPE,
         "tools[0].function.parameters"},
        {WITH("'tool_choice':'some'"),                                                              FAULT_INVALID_VALUE,                                                    "tool_choice"},
        {WITH("'tool_choice':7"),                                     FAULT_WRONG_TYPE,                                                                               "tool_choice"                                                                                                                                                                                                                                                                                                                                          },
        {WITH("'tool_choice':{'type':'function'}"),    FAULT_MISSING_MEMBER,"tool_choice.function"},
        {WITH("'tool_choice':{'function':{}}"),                                FAULT_MISSING_MEMBER,"tool_choice.function.name"},
        {WITH("'response_format':{}"),                                                             FAULT_MISSING_MEMBER,                                                                                                    "response_format.type"                                           },
        {WITH("'response_format':{'type':'json_schema'}"),                                 FAULT_MISSING_MEMBER,
         "response_format.json_schema"                                                                                                                                                                                                                                                                                                                                                                                                                                                 },
        {WITH("'response_format':{'type':'json_schema','json_schema':{'name':'x'}}"),
         FAULT_MISSING_MEMBER,"response_format.json_schema.schema"},
        {WITH("'reasoning_effort':'huge'"),                                FAULT_INVALID_VALUE,                                                                                "reasoning_effort"},
        {WITH("'thinking':{}"),                                                                 FAULT_MISSING_MEMBER,                                                                                                                                                   "thinking.type"                                                                                                                                                                                                                                                                                             },
        {WITH("'temperature':'1'"),                                  FAULT_WRONG_TYPE,"temperature"                                                                                                                                                                                                                                                                                                                        },
        {WITH("'stop':[7]"),FAULT_WRONG_TYPE,"stop[0]"},
        {WITH("'stop':7"),                                   FAULT_WRONG_TYPE,                                                                                      "stop"},
        {WITH("'n':'1'"),                                                                     FAULT_WRONG_TYPE,                                                                                                                                                                                                                              "n"                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      },
        {WITH("'user':7"),                                  FAULT_WRONG_TYPE,"user"                                                                                                                                                                                               },
        {WITH("'parallel_tool_calls':7"),FAULT_WRONG_TYPE,"parallel_tool_calls"},
        {WITH("'temperature':0,'temperature':1"),                                   FAULT_DUPLICATE_MEMBER,                                                                                       "temperature"},
    };

    (void)state;
    check_refused(&to_anthropic, &options, table, ARRAY_LEN(table));
}

#define EVERYTHING                                                                                 \
    "{'model':'m','messages':[{'role':'system','content':'s'},{'role':'user','content':[{'type':"  \
    "'text','text':'a\\n'},{'type':'image_url','image_url':{'url':'data:image/png;base64,AA'}},{"  \
    "'type':'file','file':{'filename':'a','file_data':'data:application/pdf;base64,AA'}}]},{"      \
    "'role':'assistant','thinking_blocks':[{'type':'thinking','thinking':'t','signature':'s'}],"   \
    "'content':'x','tool_calls':[" CALL("a", "{\\\"x\\\":[1]}") "]}," RESULT(                      \
        "a", "1") "],"                                                                             \
                  "'tools':[" TOOL                                                                 \
                  "],'tool_choice':{'type':'function','function':{'name':'f'}},'stop':['x'],"      \
                  "'temperature':1.5,'response_format':{'type':'json_schema','json_schema':{'"     \
                  "name':'n','schema':"                                                            \
                  "{}}},'user':'u','other':{'a':[1]}}"

static void cut_anywhere_it_is_refused(void **state)
{
    (void)state;
    check_cut(&to_anthropic, &options, EVERYTHING);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    check_out_of_memory(&to_anthropic, &options, EVERYTHING, true);
    check_out_of_memory(&to_anthropic, &options, WITH("'n':2"), false);
    check_out_of_memory(&to_anthropic, &options, M("{'role':'user','content':[{}]}"), false);
}

/* A body that grows more than was thought. */
static void many_small_pieces_are_written_whole(void **state)
{
    enum { MESSAGES = 5000 };
    struct slice one = SLICE("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"\",\"function\":{"
                             "\"name\":\"\"}}]},");
    char *at = malloc(64 + MESSAGES * one.len);
    struct slice body;
    struct arena arena;
    struct fault fault;
    struct json_error why;
    struct slice head = SLICE("{\"model\":\"m\",\"messages\":[");
    size_t n = head.len;

    (void)state;
    memcpy(at, head.at, head.len);
    for (unsigned i = 0; i < MESSAGES; i++, n += one.len)
        memcpy(at + n, one.at, one.len);
    memcpy(at + n - 1, "]}", 2);
    arena_init(&arena, 0);
    assert_true(translate(&to_anthropic, slice_of(at, n + 1), &options, &arena, &body, &fault));
    assert_true(json_is_valid(body, &why));
    arena_clear(&arena);
    free(at);
}

/* head, n times piece with commas between them, tail. */
static char *repeated(const char *head, const char *piece, size_t n, const char *tail)
{
    size_t one = strlen(piece), len = strlen(head);
    char *text = malloc(len + n * (one + 1) + strlen(tail) + 1);

    memcpy(text, head, len);
    for (size_t i = 0; i < n; i++, len += one + 1) {
        memcpy(text + len, piece, one);
        text[len + one] = ',';
    }
    memcpy(text + len - 1, tail, strlen(tail) + 1);
    return text;
}

static void everything_has_a_limit(void **state)
{
    static const struct {
        const char *head, *piece, *tail, *param;
        size_t limit;
    } table[] = {
        {"{'model':'m','messages':[",                           U,                            "]}", "messages",                    CHAT_MESSAGES_MAX},
        {"{'model':'m','messages':[{'role':'user','content':[", "{'type':'text','text':'a'}",
         "]}]}",                                                                                    "messages[0].content[400000]", CHAT_BLOCKS_MAX  },
        {"{'model':'m','messages':[" U "],'tools':[",           TOOL,                         "]}", "tools",                       CHAT_TOOLS_MAX   },
        {"{'model':'m','messages':[" U "],'stop':[",            "'a'",                        "]}", "stop[1024]",                  CHAT_STOPS_MAX   },
        {"{'model':'m','messages':[" U "],",                    "'a':1",                      "}",  "a",                           CHAT_EXTRAS_MAX  },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char *most = repeated(table[i].head, table[i].piece, table[i].limit, table[i].tail);
        char *more = repeated(table[i].head, table[i].piece, table[i].limit + 1, table[i].tail);
        const struct refused wrong = {more, FAULT_INVALID_VALUE, table[i].param};
        struct slice body = quoted(most), to;
        struct arena arena;
        struct fault fault;

        arena_init(&arena, 0);
        assert_true(translate(&to_anthropic, body, &options, &arena, &to, &fault));
        arena_clear(&arena);
        check_refused(&to_anthropic, &options, &wrong, 1);
        free((char *)body.at);
        free(most);
        free(more);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_and_developer_messages_become_one_system),
        cmocka_unit_test(users_say_text_images_and_documents),
        cmocka_unit_test(empty_text_is_left_out),
        cmocka_unit_test(results_of_tools_are_one_turn_and_first_in_it),
        cmocka_unit_test(what_was_thought_comes_back_signed),
        cmocka_unit_test(an_answer_that_is_begun_ends_without_white_space),
        cmocka_unit_test(tools_and_choices),
        cmocka_unit_test(parameters_of_the_answer),
        cmocka_unit_test(models_that_want_it_otherwise),
        cmocka_unit_test(effort_is_a_budget),
        cmocka_unit_test(effort_as_newer_models_take_it),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(a_url_of_other_bytes_than_base64_is_refused_however_long),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(cut_anywhere_it_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(many_small_pieces_are_written_whole),
        cmocka_unit_test(everything_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
